import numpy as np
import pytest
import torch
from torch import Tensor, nn
from toy import TRIANGLE, dotted, found_dots, tiny_config, toy_footage, triangles

from engines import Roi
from train.pseudo import _joined, label
from train.videos import Clip, Footage


class DotFinder(nn.Module):
    """A perfect teacher for dots: it names them as a network does, that is by where the colours'
    roles are in what it sees; in a mirrored picture left is right."""

    def __init__(self, wobble: float = 0.0) -> None:
        super().__init__()
        self.rng = np.random.default_rng(0)
        self.wobble = wobble

    def forward(self, picture: Tensor) -> Tensor:
        pictures = ((picture + 1) * 127.5).round().byte().flip(1).permute(0, 2, 3, 1).numpy()
        found = np.stack([found_dots(own) for own in pictures])
        mirrored = found[:, 0, 0] > found[:, 1, 0]
        found[mirrored] = found[mirrored][:, list(TRIANGLE.flipped)]
        return torch.from_numpy(found + self.rng.normal(0, self.wobble, found.shape)).float()


def truth() -> np.ndarray:
    return (triangles(8, np.random.default_rng(6)) + 1) * 32 - 0.5


def labels_of(teacher: nn.Module):
    device = torch.device("cpu")
    config = tiny_config(size=64, zoom=1.0)
    return label(teacher, toy_footage(), TRIANGLE, config, device)


def test_a_perfect_teacher_gives_the_truth_without_doubt() -> None:
    labels = labels_of(DotFinder())
    (points,), (doubt,) = labels.points_px, labels.doubt
    assert np.linalg.norm(points - truth(), axis=-1).max() < 0.5
    assert doubt.max() < 0.02
    assert (points.dtype, doubt.dtype) == (np.float32, np.float32)


def test_doubt_grows_with_the_teachers_wavering() -> None:
    sure, unsure = labels_of(DotFinder(0.01)).doubt[0], labels_of(DotFinder(0.05)).doubt[0]
    assert 2 * sure.mean() < unsure[np.isfinite(unsure)].mean()
    assert np.isinf(labels_of(DotFinder(0.5)).doubt[0]).all()


def test_labels_follow_their_rois_place_and_size() -> None:
    """The same dots in the corner of a larger frame, at another size."""
    places = truth() * 1.5 + (100, 30)
    images = [dotted(pose, (240, 160)) for pose in places]
    roi = Roi(31.5 * 1.5 + 100, 31.5 * 1.5 + 30, 96)
    footage = Footage((Clip("c", images[:3], [roi] * 3), Clip("d", images[3:4], [roi])))
    config = tiny_config(size=64, zoom=1.0)
    found = label(DotFinder(), footage, TRIANGLE, config, torch.device("cpu"))
    assert [points.shape for points in found.points_px] == [(3, 3, 2), (1, 3, 2)]
    for points, own in ((found.points_px[0], places[:3]), (found.points_px[1], places[3:4])):
        assert np.linalg.norm(points - own, axis=-1).max() < 1.0


def views(*shifts: float) -> np.ndarray:
    pose = np.array([[0.0, 0.0], [10.0, 0.0], [5.0, 5.0]], np.float32)
    return np.stack([pose + np.float32([shift, 0]) for shift in shifts])


def test_joining_takes_the_mean_of_those_who_agree() -> None:
    mean, doubt = _joined(views(0.0, 0.5, 1.0, 0.5, 50.0, -50.0))
    np.testing.assert_allclose(mean[0], [0.5, 0], atol=1e-5)
    assert doubt == pytest.approx(np.mean([0.5, 0, 0.5, 0]) / 10, rel=1e-3)


def test_joining_without_a_majority_is_infinitely_doubtful() -> None:
    _, doubt = _joined(views(0, 20, 40, 60, 80, 100))
    assert doubt == float("inf")
    _, half = _joined(views(0, 0, 0, 60, 80, 100))
    assert half == 0.0


def test_the_teacher_is_asked_in_its_evaluation_mode_and_without_gradients() -> None:
    class Watched(DotFinder):
        def forward(self, picture: Tensor) -> Tensor:
            assert not self.training
            assert not torch.is_grad_enabled()
            return super().forward(picture)

    labels_of(Watched().train())
