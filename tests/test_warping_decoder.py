import torch

from train.flow import identity
from train.warping_decoder import WarpingDecoder, sampled

POINTS = 5


def poses(count: int) -> torch.Tensor:
    torch.manual_seed(3)
    return 0.5 * torch.randn(1, POINTS, 2) + 0.05 * torch.randn(count, POINTS, 2)


def decoder() -> WarpingDecoder:
    torch.manual_seed(0)
    return WarpingDecoder(POINTS, 4).eval()


def test_an_untrained_one_shows_the_reference_where_nothing_moves() -> None:
    reference = torch.rand(2, 3, 32, 32) * 2 - 1
    made = decoder()(reference, poses(2), poses(2))
    torch.testing.assert_close(made.warped, reference, atol=1e-4, rtol=0)
    kept = torch.sigmoid(torch.tensor(2.0))
    torch.testing.assert_close(made.kept, kept.expand(2, 1, 32, 32))
    torch.testing.assert_close(made.picture, kept * reference, atol=1e-4, rtol=0)


def test_what_moves_as_one_is_moved_before_anything_is_learnt() -> None:
    """By the share that the untrained network lets follow."""
    pose = poses(1)
    reference = torch.linspace(-1, 1, 32).expand(1, 3, 32, 32)  # brighter to the right
    made = decoder()(reference, pose, pose - torch.tensor([0.25, 0.0]))
    follows = torch.sigmoid(torch.tensor(1.0)).item()
    inner = made.warped[..., 4:20] - reference[..., 4:20]
    torch.testing.assert_close(
        inner, torch.full_like(inner, 4 * follows * 2 / 31), atol=1e-3, rtol=0
    )


def test_pictures_of_a_batch_do_not_mix() -> None:
    own, references = decoder(), torch.rand(3, 3, 32, 32)
    with torch.no_grad():
        own.last.weight.normal_(0, 0.1)
        whole = own(references, poses(3), poses(3) + 0.1).picture
        alone = own(references[1:2], poses(3)[1:2], poses(3)[1:2] + 0.1).picture
    torch.testing.assert_close(whole[1:2], alone, atol=1e-5, rtol=0)


def test_every_weight_is_reached_by_the_gradient() -> None:
    own = decoder().train()
    with torch.no_grad():
        for last in (own.last, own.motion.last):
            last.weight.normal_(0, 0.1)
    own(torch.rand(2, 3, 32, 32), poses(2), poses(2) + 0.1).picture.square().mean().backward()
    assert all(weight.grad is not None for weight in own.parameters())


def test_sampling_at_each_own_place_changes_nothing() -> None:
    picture = torch.rand(1, 2, 16, 16)
    torch.testing.assert_close(sampled(picture, identity(16, picture)), picture)
