import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from test_pseudo import DotFinder
from torch import Tensor, nn
from toy import TRIANGLE, tiny_config, toy_footage, toy_prior, triangles

from train import criterion as module
from train.criterion import (
    Exam,
    energy_coefficient,
    equivariance,
    likeness,
    mean_shape,
    measure,
    shapes,
    total,
)
from train.losses import looked_up, mirror_back
from train.parts import Parts

CPU = torch.device("cpu")
CONFIG = tiny_config(size=64, zoom=1.0, shift=0.05, scale=0.05, bend=0.02)


@pytest.fixture(autouse=True, scope="module")
def _few_frames():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "FRAMES", 60)
        yield


@pytest.fixture(scope="module")
def exam(_few_frames: None) -> Exam:
    return Exam.of(toy_footage(), toy_prior(40), CONFIG)


class Stub(nn.Module):
    """A teacher whose skeleton image is the list of its keypoints: it reads what it draws."""

    def __init__(self, find: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.find = find

    def encoder(self, picture: Tensor) -> Tensor:
        return drawn(self.find(picture))

    def regressor(self, image: Tensor) -> Tensor:
        return image.reshape(len(image), 3, 2) - 1

    def forward(self, picture: Tensor) -> Tensor:
        return self.regressor(self.encoder(picture))


def drawn(keypoints: Tensor) -> Tensor:
    return keypoints.reshape(len(keypoints), 1, 1, 6) + 1


def scores(find: Callable[[Tensor], Tensor], exam: Exam) -> dict[str, float]:
    return measure(Stub(find), drawn, exam, CPU)


def constant(pose: np.ndarray) -> Callable[[Tensor], Tensor]:
    return lambda picture: torch.from_numpy(pose).float().expand(len(picture), -1, -1)


def test_a_teacher_that_finds_the_dots_is_far_better_than_degenerate_ones(exam: Exam) -> None:
    finder = DotFinder()
    good = scores(finder, exam)
    assert good["equivariance"] < 0.03  # dots are found to a pixel, of 64
    assert good["cycle"] == 0
    assert good["shape"] < 0.05
    worse = {
        "the mean pose every time": constant(exam.poses.mean(axis=0)),
        "the middle every time": constant(np.zeros((3, 2))),
        "all points on the first": lambda x: finder(x)[:, :1].expand(-1, 3, -1),
        "all points near the first": lambda x: finder(x)[:, :1] + 0.01 * finder(x),
        "the pose at half its size": lambda x: 0.5 * finder(x) + 0.5 * finder(x).mean(1)[:, None],
        "left for right": lambda x: finder(x)[:, [1, 0, 2]],
        "upside down": lambda x: 2 * finder(x).mean(1)[:, None] - finder(x),
    }
    for name, find in worse.items():
        assert scores(find, exam)["total"] > 3 * good["total"], name


def test_one_shape_in_the_right_place_is_seen_by_its_shape_alone(exam: Exam) -> None:
    finder = DotFinder()
    mean = mean_shape(exam.poses) @ (1, 1j)

    def fitted(picture: Tensor) -> Tensor:
        """The mean shape at the place, size and turn that fit what is really there."""
        found = finder(picture).double().numpy()
        centre = found.mean(axis=1, keepdims=True)
        scale = ((found - centre) @ (1, 1j) * mean.conj()).sum(1, keepdims=True)
        pose = scale / np.square(np.abs(mean)).sum() * mean
        return torch.from_numpy(np.stack([pose.real, pose.imag], -1) + centre).float()

    good, tame = scores(finder, exam), scores(fitted, exam)
    assert tame["equivariance"] < 0.03  # as of a good one: it follows the picture
    assert tame["shape"] > 4 * good["shape"]
    assert tame["total"] > 2 * good["total"]


def test_exact_equivariance_is_zero_and_a_known_shift_its_share_of_the_pose(exam: Exam) -> None:
    pose = torch.from_numpy(triangles(60, np.random.default_rng(1)))
    moved = mirror_back(pose, torch.from_numpy(exam.batch.mirrored), TRIANGLE.flipped)
    found = looked_up(torch.from_numpy(exam.batch.origin), pose)
    assert equivariance(found, moved, exam) == pytest.approx(0, abs=1e-6)
    box = (found.amax(1) - found.amin(1)).amax(1)
    for share in (0.1, 0.5):
        # the pose keeps its size, so each frame's distance is this share of it
        shifted = found + (share * box)[:, None, None] * torch.tensor([0.6, 0.8])
        assert equivariance(shifted, moved, exam) == pytest.approx(share, abs=1e-5)
    assert equivariance(found + 50, moved, exam) == 1
    for scale in (0.3, 3.0):  # scale-free: answers all smaller or larger in the same ratio
        small = Exam(exam.batch, exam.poses, TRIANGLE, exam.mirror)
        gap = equivariance(scale * (found + 0.1 * box[:, None, None]), moved * 0 + 5, small)
        assert gap > 0.5


def test_the_cycle_counts_points_and_images_by_halves(exam: Exam) -> None:
    """A regressor that reads its own drawings off by a known share of the pose."""
    pose = torch.tensor([[-0.5, 0.0], [0.5, 0.0], [0.0, 0.4]])

    class Off(Stub):
        def regressor(self, image: Tensor) -> Tensor:
            return super().regressor(image) + torch.tensor([0.3, 0.4])

    teacher = Off(lambda picture: pose.expand(len(picture), -1, -1))
    image = drawn(pose[None])
    wanted = pose + torch.tensor([0.3, 0.4])  # what is read from the image; its box is 1 wide
    power = (drawn(wanted[None]) + 1).square().mean()
    error = (image - drawn(wanted[None])).square().mean() / power
    found = measure(teacher, drawn, exam, CPU)["cycle"]
    assert found == pytest.approx((0.5 + float(error)) / 2, rel=1e-5)


def test_energy_coefficient_closed_forms() -> None:
    one, other = np.zeros((4, 3)), np.ones((5, 3))
    assert energy_coefficient(one, other) == 1  # two places
    assert energy_coefficient(one, one) == 0
    # one constant against ±1 evenly: E|X-Y| = 1, E|Y-Y'| = 2/3 among 4 (2 of 3 others differ)
    signs = np.array([[-1.0], [1.0], [-1.0], [1.0]])
    assert energy_coefficient(np.zeros((4, 1)), signs) == pytest.approx(1 - (4 / 3) / 2)
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(400, 1)), rng.normal(size=(400, 1))
    assert energy_coefficient(x, y) < 0.01
    # N(0,1) against N(2,1): E|X-Y| of N(2, 2); E|X-X'| = 2/sqrt(pi)
    between = math.sqrt(2) * math.sqrt(2 / math.pi) * math.exp(-1) + 2 * math.erf(1)
    wanted = 1 - 2 / math.sqrt(math.pi) / between
    assert energy_coefficient(x, y + 2) == pytest.approx(wanted, abs=0.03)


def test_shapes_know_no_place_size_or_turn() -> None:
    poses = triangles(20, np.random.default_rng(3)).astype(np.float64)
    mean = mean_shape(poses)
    c, s = np.cos(2.0), np.sin(2.0)
    moved = 3.7 * poses @ np.array([[c, s], [-s, c]]) + (5, -2)
    np.testing.assert_allclose(shapes(moved, mean), shapes(poses, mean), atol=1e-9)
    own = shapes(poses, mean)
    np.testing.assert_allclose(own.mean(axis=1), 0, atol=1e-12)
    np.testing.assert_allclose(np.square(own).sum(axis=(1, 2)), 3, rtol=1e-9)
    mirrored = poses * (-1, 1)
    assert np.abs(shapes(mirrored, mean) - own).max() > 0.1  # a mirror image is another shape
    assert not shapes(np.full((2, 3, 2), 0.3), mean).any()


def test_poses_of_the_prior_itself_are_likely(exam: Exam) -> None:
    rng = np.random.default_rng(8)
    poses = toy_prior(40).sample(rng, 200, turn=0.2, scale=0.05, shift=0.05, mirror=True)
    parts = likeness(poses.astype(np.float64), exam)
    assert parts["shape"] < 0.02
    assert parts["place"] < 0.02


def test_an_exam_is_a_function_of_seed_and_footage(exam: Exam) -> None:
    again = Exam.of(toy_footage(), toy_prior(40), CONFIG)
    other = Exam.of(toy_footage(), toy_prior(40), CONFIG.with_changes(seed=1))
    for name in ("frames", "moved", "origin", "mirrored"):
        np.testing.assert_array_equal(getattr(again.batch, name), getattr(exam.batch, name))
    np.testing.assert_array_equal(again.poses, exam.poses)
    assert not np.array_equal(other.batch.frames, exam.batch.frames)
    finder = DotFinder()
    assert scores(finder, again) == scores(finder, exam)


def test_no_batch_of_training_changes_the_exam_nor_is_changed_by_it(exam: Exam) -> None:
    """Measuring leaves the networks, their mode and torch's random numbers as they were."""
    torch.manual_seed(0)
    parts = Parts(CONFIG, TRIANGLE).train()
    before = {name: value.clone() for name, value in parts.state_dict().items()}
    state = torch.get_rng_state()
    first = measure(parts.teacher, parts.renderer, exam, CPU)
    assert measure(parts.teacher, parts.renderer, exam, CPU) == first
    assert parts.teacher.training
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(before[name], value) for name, value in parts.state_dict().items())
    assert all(np.isfinite(value) and value >= 0 for value in first.values())


def test_the_total_is_the_stated_sum() -> None:
    parts = {"equivariance": 0.1, "cycle": 0.2, "shape": 0.07, "place": 0.04}
    assert total(parts) == pytest.approx(0.1 + 0.5 * 0.2 + 0.5 * 0.02 + 0.5 * 0.04)
    assert total({**parts, "shape": 0.04}) == pytest.approx(0.1 + 0.1 + 0.02)
