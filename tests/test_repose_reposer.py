import numpy as np
import pytest
from reposing import MOUSE, WarpDecoder, home, pose, reference

from engines import DataError
from realtime.frame import Pose, State
from realtime.repose.presence import FADE_S, HOLD_S, RETURN_S
from realtime.repose.reposer import Reposer

S = 1_000_000_000
DRIVER = MOUSE * 2 + 40
OTHER = reference("two", MOUSE + np.array([20, 10]), seed=1)


def made(*references, **options):
    decoder = WarpDecoder()
    return Reposer(decoder, references or (reference(),), **options), decoder


def settle(reposer, points, start_s=0.0):
    """Both pictures of a driver who is there long enough to have taken over."""
    return [reposer.draw(pose(points), round(t * S)) for t in (start_s, start_s + RETURN_S)]


def test_before_anybody_is_found_and_at_the_calibration_it_is_the_reference():
    reposer, decoder = made(mark=False)
    own = home(reposer.reference, decoder)
    np.testing.assert_array_equal(decoder.prepared[0], own)
    still = reposer.draw(Pose(State.SEARCH), 0)
    for picture in settle(reposer, DRIVER, 1):
        np.testing.assert_array_equal(picture, still)
    np.testing.assert_allclose(decoder.drawn[-1], own, atol=1e-6)
    assert np.abs(still.astype(int) - reposer.reference.picture).max() <= 4


def test_the_reference_follows_the_driver():
    reposer, decoder = made()
    settle(reposer, DRIVER)
    reposer.draw(pose(DRIVER + np.array([4, 0])), S)
    body = np.ptp(home(reposer.reference, decoder)[:, 0])
    expected = home(reposer.reference, decoder) + np.array([4 / np.ptp(DRIVER[:, 0]) * body, 0])
    np.testing.assert_allclose(decoder.drawn[-1], expected, atol=1e-5)


def test_only_a_confident_pose_is_taken_for_the_calibration():
    reposer, decoder = made()
    reposer.draw(pose(DRIVER + np.array([30, 0]), sure=0.5), 0)
    settle(reposer, DRIVER, 1)
    np.testing.assert_allclose(decoder.drawn[-1], home(reposer.reference, decoder), atol=1e-6)
    reposer.draw(pose(DRIVER + np.array([4, 0]), sure=0.5), 2 * S)  # to be followed it may be less
    assert np.abs(decoder.drawn[-1] - home(reposer.reference, decoder)).max() > 0.01


def test_calibrating_again_makes_the_present_pose_the_neutral_one():
    reposer, decoder = made()
    settle(reposer, DRIVER)
    bent = DRIVER * (1.05, 0.95)
    reposer.draw(pose(bent), S)
    away = decoder.drawn[-1]
    reposer.calibrate()
    reposer.draw(pose(bent, sure=0.5), 2 * S)  # not yet: the old one still holds
    np.testing.assert_array_equal(decoder.drawn[-1], away)
    reposer.draw(pose(bent), 3 * S)
    np.testing.assert_allclose(decoder.drawn[-1], home(reposer.reference, decoder), atol=1e-6)


def test_a_lost_driver_fades_to_the_references_own_pose_and_comes_back():
    reposer, decoder = made()
    settle(reposer, DRIVER)
    own = home(reposer.reference, decoder)
    reposer.draw(pose(DRIVER + np.array([4, 2])), S)
    last = decoder.drawn[-1]
    gone = [1 + HOLD_S, 1 + HOLD_S + FADE_S / 2, 1 + HOLD_S + FADE_S]
    for time_s, share in zip(gone, (1, 0.5, 0), strict=True):
        reposer.draw(pose(None), round(time_s * S))
        np.testing.assert_allclose(decoder.drawn[-1], own + share * (last - own), atol=1e-5)
    settle(reposer, DRIVER + np.array([4, 2]), 4)
    np.testing.assert_allclose(decoder.drawn[-1], last, atol=1e-5)


def test_a_pose_with_a_missing_point_is_as_good_as_none():
    reposer, decoder = made()
    settle(reposer, DRIVER)
    holed = DRIVER.copy()
    holed[2] = np.nan
    reposer.draw(pose(holed), S)
    assert np.isfinite(decoder.drawn[-1]).all()


def test_references_are_changed_live_and_the_calibration_holds():
    reposer, decoder = made(reference("one"), OTHER, mark=False)
    settle(reposer, DRIVER)
    reposer.show()
    assert reposer.reference.name == "two"
    np.testing.assert_array_equal(decoder.prepared[-1], home(OTHER, decoder))
    picture = reposer.draw(pose(DRIVER), S)
    assert np.abs(picture.astype(int) - OTHER.picture).max() <= 4
    reposer.show("one")
    reposer.show("one")
    reposer.show()
    assert reposer.reference.name == "two"
    reposer.show()
    assert reposer.reference.name == "one"
    with pytest.raises(DataError, match=r"no reference 'three'; there are one, two"):
        reposer.show("three")


def test_a_fresh_start_is_as_good_as_a_new_one():
    reposer, decoder = made()
    settle(reposer, DRIVER)
    reposer.draw(pose(DRIVER + np.array([5, 5])), S)
    reposer.reset()
    fresh, other = made()
    for own in (reposer, fresh):
        settle(own, DRIVER * 0.8, 3)
        own.draw(pose(DRIVER * 0.8 + 2), 5 * S)
    np.testing.assert_array_equal(decoder.drawn[-1], other.drawn[-1])


def test_every_picture_is_marked_unless_that_was_switched_off():
    marked, plain = made()[0], made(mark=False)[0]
    one, other = (own.draw(pose(DRIVER), 0) for own in (marked, plain))
    rows, columns = np.nonzero((one != other).any(axis=2))
    assert rows.min() > 100
    assert columns.max() < 120
    assert "decode" in marked.stages
    assert "paste" in marked.stages


def test_a_reference_of_another_skeleton_is_refused():
    with pytest.raises(DataError, match="4 keypoints"):
        made(reference(points=MOUSE[:3]))
    with pytest.raises(DataError, match="4 keypoints"):
        Reposer(WarpDecoder(), ())
