import numpy as np
import torch

from train.pool import ImagePool


def numbered(*numbers: int) -> torch.Tensor:
    return torch.tensor(numbers, dtype=torch.float32).view(-1, 1, 1, 1).expand(-1, 1, 2, 2)


def numbers(images: torch.Tensor) -> list[int]:
    return [int(image[0, 0, 0]) for image in images]


def test_while_it_fills_images_are_kept_and_returned() -> None:
    pool = ImagePool(3, 2)
    assert numbers(pool.query(numbered(1, 2), np.random.default_rng(0))) == [1, 2]
    assert int(pool.filled) == 2
    assert numbers(pool.images) == [1, 2, 0]


def test_a_full_pool_exchanges_about_half_and_loses_nothing_on_the_way() -> None:
    pool, rng = ImagePool(4, 2), np.random.default_rng(1)
    pool.query(numbered(1, 2, 3, 4), rng)
    old = 0
    for first in range(5, 405, 4):
        fresh = list(range(first, first + 4))
        held = numbers(pool.images)
        answer = numbers(pool.query(numbered(*fresh), rng))
        old += sum(number not in fresh for number in answer)
        assert sorted(answer + numbers(pool.images)) == sorted(held + fresh)
    assert 140 < old < 260


def test_the_same_random_numbers_give_the_same_answers_also_after_saving() -> None:
    first, second = ImagePool(3, 2), ImagePool(3, 2)
    first.query(numbered(1, 2, 3), np.random.default_rng(0))
    second.load_state_dict(first.state_dict())
    a = first.query(numbered(4, 5, 6, 7), np.random.default_rng(9))
    b = second.query(numbered(4, 5, 6, 7), np.random.default_rng(9))
    assert torch.equal(a, b)
    assert torch.equal(first.images, second.images)


def test_answers_carry_no_gradient_and_are_no_views() -> None:
    images = numbered(1, 2).clone().requires_grad_()
    answer = ImagePool(2, 2).query(images * 1, np.random.default_rng(0))
    assert not answer.requires_grad
    answer.zero_()
    assert numbers(images) == [1, 2]


def test_a_pool_of_none_returns_what_it_gets() -> None:
    pool = ImagePool(0, 2)
    for _ in range(5):
        assert numbers(pool.query(numbered(1, 2), np.random.default_rng(0))) == [1, 2]
