"""Where poses lie given how they are shaped: known slides come off, true ones stay."""

from dataclasses import replace

import numpy as np
import pytest

from engines.geometry import Roi, to_crop, to_frame
from engines.skeleton import Skeleton
from train.calibration import LEAST_CLIPS, calibrated, laid
from train.prior import Prior
from train.pseudo import PseudoLabels
from train.videos import Clip, Footage

SKELETON = Skeleton.from_dict(
    {
        "name": "kite",
        "rotation": "upright",
        "keypoints": ["top", "left", "right", "bottom", "nose"],
        "mirror": [["left", "right"]],
        "limbs": [{"name": "sail", "color": "#ffffff", "path": ["top", "left", "bottom", "right"]}],
    }
)
MEAN = np.array([[0, -0.4], [-0.3, 0], [0.3, 0], [0, 0.4], [0, 0.05]], np.float64)
TURN = np.array([[0.02, 0], [0.1, 0], [0.1, 0], [0, 0], [-0.22, 0]], np.float64)  # odd in a mirror


def poses(rng, count, *, slide=0.0, shift=(0.0, 0.0), growth=0.0, spread=1.0):
    """Kites that turn by a random amount; `slide` moves them sideways as they turn."""
    turn = rng.normal(0, spread, (count, 1, 1))
    size = np.exp(rng.normal(0, 0.1, (count, 1, 1)) + growth)
    lies = rng.normal(0, 0.08, (count, 1, 2)) + (slide * turn) * (1, 0) + np.array(shift)
    return ((MEAN + TURN * turn) * size + lies).astype(np.float32), turn[:, 0, 0]


def everything(found):
    return np.ones(len(found), bool)


def slope(found, turn):
    return np.polyfit(turn, found.mean(axis=1)[:, 0], 1)[0]


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_a_slide_the_prior_has_not_comes_off(rng):
    prior = Prior(poses(rng, 3000)[0], SKELETON)
    found, turn = poses(rng, 3000, slide=0.1)
    fixed = calibrated(found, prior, everything(found))
    assert slope(found, turn) == pytest.approx(0.1, abs=0.01)
    assert slope(fixed, turn) == pytest.approx(0.0, abs=0.012)


def test_a_slide_the_prior_has_too_stays(rng):
    prior = Prior(poses(rng, 3000, slide=0.1)[0], SKELETON)
    found, turn = poses(rng, 3000, slide=0.1)
    fixed = calibrated(found, prior, everything(found))
    assert slope(fixed, turn) == pytest.approx(0.1, abs=0.015)


def test_where_the_subjects_are_and_how_large_stays(rng):
    prior = Prior(poses(rng, 3000)[0], SKELETON)
    found, _ = poses(rng, 3000, slide=0.1, shift=(0.1, 0.07), growth=-0.2)
    fixed = calibrated(found, prior, everything(found))
    assert fixed.mean(axis=(0, 1)) == pytest.approx(found.mean(axis=(0, 1)), abs=0.005)
    sizes = [np.linalg.norm(np.ptp(p, axis=1), axis=-1).mean() for p in (fixed, found)]
    assert sizes[0] == pytest.approx(sizes[1], rel=0.01)


def test_shapes_are_left_alone(rng):
    prior = Prior(poses(rng, 500)[0], SKELETON)
    found, _ = poses(rng, 500, slide=0.1, growth=0.1)
    fixed = calibrated(found, prior, everything(found))

    def shape(points):
        centred = points - points.mean(axis=1, keepdims=True)
        z = centred[..., 0] + 1j * centred[..., 1]
        return z / z[:, :1]

    assert shape(fixed) == pytest.approx(shape(found), abs=1e-3)


def test_a_mode_that_is_hardly_read_corrects_nothing(rng):
    prior = Prior(poses(rng, 3000)[0], SKELETON)
    found, turn = poses(rng, 3000, slide=1.0, spread=0.1)  # a tenth of the prior's turning
    fixed = calibrated(found, prior, everything(found))
    assert slope(fixed, turn) == pytest.approx(slope(found, turn), abs=0.02)


def test_each_pose_alone_gets_the_same_correction(rng):
    """The map is one for all: the poses' order does not matter."""
    prior = Prior(poses(rng, 500)[0], SKELETON)
    found, _ = poses(rng, 500, slide=0.1)
    order = rng.permutation(500)
    fixed = calibrated(found, prior, everything(found))
    again = calibrated(found[order], prior, everything(found))
    assert again == pytest.approx(fixed[order], abs=1e-5)


def test_what_is_not_trusted_does_not_count(rng):
    prior = Prior(poses(rng, 500)[0], SKELETON)
    found, _ = poses(rng, 500, slide=0.1)
    wild, _ = poses(rng, 50, shift=(0.9, -0.9))
    trusted = np.arange(550) < 500
    fixed = calibrated(np.concatenate([found, wild]), prior, trusted)
    assert fixed[:500] == pytest.approx(calibrated(found, prior, everything(found)), abs=1e-5)


def test_a_narrow_mode_moves_nothing(rng):
    """A second mode of a tenth of the first's spread, whose slope differs between the two sets."""
    open_ = np.array([[0, -1], [0, 0], [0, 0], [0, 1], [0, 0]], np.float64)

    def gaping(count, slope):
        own, _ = poses(rng, count)
        wide = rng.normal(0, 0.02, (count, 1, 1))
        return (own + open_ * wide + np.array([0, slope]) * wide).astype(np.float32)

    prior, found = Prior(gaping(2000, 0.0), SKELETON), gaping(2000, 3.0)
    fixed = calibrated(found, prior, everything(found))
    gap = np.abs(fixed.mean(axis=1) - found.mean(axis=1))
    assert gap.max() < 0.02  # the other slope alone would move a fifth of them by 0.06 or more


def footage_of(rng, clips, frames=40):
    """Clips of `frames` labels each, found with a slide, in 100-pixel pictures."""
    image = np.zeros((100, 100, 3), np.uint8)
    roi = Roi.of_frame(100, 100)
    every, labels = [], []
    for number in range(clips):
        found, _ = poses(rng, frames, slide=0.1)
        every.append(Clip(f"{number}", [image] * frames, [roi] * frames))
        labels.append(to_frame(found, roi))
    doubt = [np.zeros(frames, np.float32) for _ in range(clips)]
    return Footage(tuple(every)), PseudoLabels(labels, doubt)


def test_labels_are_laid_in_pixels_of_their_frames(rng):
    prior = Prior(poses(rng, 3000)[0], SKELETON)
    footage, labels = footage_of(rng, LEAST_CLIPS)
    fixed = laid(labels, footage, prior, 1.0)
    found = to_crop(np.concatenate(labels.points_px), Roi.of_frame(100, 100))
    wanted = calibrated(found, prior, everything(found))
    assert to_crop(np.concatenate(fixed.points_px), Roi.of_frame(100, 100)) == pytest.approx(
        wanted, abs=1e-4
    )


def test_a_few_clips_or_a_prior_framed_otherwise_change_nothing(rng):
    prior = Prior(poses(rng, 3000)[0], SKELETON)
    footage, labels = footage_of(rng, LEAST_CLIPS - 1)
    assert laid(labels, footage, prior, 1.0) is labels
    footage, labels = footage_of(rng, LEAST_CLIPS)
    assert laid(labels, footage, replace(prior, framing="pose"), 1.0) is labels
