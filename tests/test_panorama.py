import numpy as np
import pytest
from moving import LENGTH, panned, wall

from train.panorama import follow
from train.prior import POSE_MARGIN


@pytest.mark.parametrize(("speed", "shake"), [(2, 1.5), (0, 2.0)])
def test_the_subject_is_found_whatever_the_camera_does(speed: float, shake: float) -> None:
    frames, places = panned(70, speed, shake)
    sightings = list(follow(frames))
    assert len(sightings) == len(frames)
    found = [n for n, sighting in enumerate(sightings) if sighting.roi is not None]
    assert len(found) > 0.9 * len(frames)
    rois = [sightings[n].roi for n in found]
    gaps = [np.hypot(r.x - x, r.y - y) for r, (x, y) in zip(rois, places[found], strict=True)]
    assert np.percentile(gaps, 95) < 2
    assert np.median([roi.size for roi in rois]) == pytest.approx(LENGTH * POSE_MARGIN, rel=0.1)


def test_places_are_freed_of_the_camera_s_motion() -> None:
    """Seen from the first frame, the subject moves as it does and as the camera does together."""
    frames, places = panned(40, 2, 0)
    sightings = [own for own in follow(frames) if own.shot == 0]
    own = np.array([sighting.place for sighting in sightings])
    camera = np.stack([2.0 * np.arange(40), 40 * np.sin(np.arange(40) / 20)], axis=1)
    assert len(own) > 30
    np.testing.assert_allclose(own, (places + camera)[: len(own)], atol=2.5)


def test_a_cut_begins_another_shot() -> None:
    first, _ = panned(20, 0, 1.5)
    second, _ = panned(20, 0, 1.5, seed=3)
    assert [sighting.shot for sighting in follow([*first, *second])] == [0] * 20 + [1] * 20


def test_nothing_moves_nothing_is_found() -> None:
    still = wall()[:240, :320]
    assert [own.roi for own in follow([still] * 10)] == [None] * 10
    assert list(follow([])) == []
