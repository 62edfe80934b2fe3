from collections.abc import Iterator

import cv2
import numpy as np
import pytest

from engines import Roi, Skeleton
from engines.geometry import Image, Points
from realtime.controls import Settings
from realtime.frame import Frame, Pose, State
from realtime.overlay import Overlay
from realtime.style import Style
from realtime.timing import Timings

NO_HUD = Style(hud=False)
SIZES = [(640, 480), (1280, 720), (720, 1280), (256, 256), (64, 48)]


def ring(keypoints: int, width: int, height: int) -> Points:
    turn = np.arange(keypoints) / keypoints * 2 * np.pi
    radius = min(width, height) / 4
    points = np.stack([np.cos(turn), np.sin(turn)], axis=1) * radius + (width / 2, height / 2)
    return points.astype(np.float32)


def pose_of(points: Points, confidence: float | Points = 1.0) -> Pose:
    certain = np.broadcast_to(np.float32(confidence), len(points)).astype(np.float32)
    return Pose(State.TRACK, Roi.around(points, 1.5), points, points, certain)


class _Still(Timings):
    """Timings at which nothing ever happens: the HUD's numbers depend on `dropped` alone."""

    age_ms = 3.0
    recent_fps = 30.0


def at_rest(stats: Timings) -> Timings:
    still = _Still()
    still.dropped = stats.dropped
    return still


def grey(width: int, height: int) -> Image:
    return np.full((height, width, 3), 90, np.uint8)


def drawn(skeleton: Skeleton, pose: Pose, width: int = 640, height: int = 480) -> Image:
    frame = Frame(grey(width, height), 0, 0)
    return Overlay(skeleton, settings=Settings(style=NO_HUD)).draw(frame, pose, Timings())


def near(picture: Image, x: float, y: float, reach: int = 3) -> Iterator[tuple[int, ...]]:
    patch = picture[
        round(y) - reach : round(y) + reach + 1, round(x) - reach : round(x) + reach + 1
    ]
    yield from map(tuple, patch.reshape(-1, 3).tolist())


def shows(picture: Image, x: float, y: float, color: tuple[int, ...], reach: int = 3) -> bool:
    """Whether some pixel there has this colour; soft edges leave a few levels of what was below."""
    return any(np.abs(np.subtract(own, color)).max() <= 16 for own in near(picture, x, y, reach))


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("caption", ["", "onnxruntime 1.28.0 cpu, 1 thread"])
def test_draws_on_a_copy_of_the_frame(
    face_skeleton: Skeleton, width: int, height: int, state: State, caption: str
) -> None:
    image = grey(width, height)
    image.setflags(write=False)
    overlay = Overlay(face_skeleton, caption=caption)
    points = ring(68, width, height)
    for pose in (Pose(state), Pose(state, Roi(9, 9, 50), points, points, np.ones(68, np.float32))):
        picture = overlay.draw(Frame(image, 0, 0), pose, Timings())
        assert (picture.shape, picture.dtype) == (image.shape, np.uint8)
        assert (picture != image).any()
    assert (image == 90).all()


def test_without_a_pose_and_a_hud_nothing_is_drawn(face_skeleton: Skeleton) -> None:
    assert (drawn(face_skeleton, Pose(State.SEARCH)) == 90).all()


def test_limbs_have_their_colours_and_lie_on_the_keypoints(face_skeleton: Skeleton) -> None:
    points = ring(68, 640, 480)
    picture = drawn(face_skeleton, pose_of(points))
    for limb in face_skeleton.limbs:
        for a, b in limb.edges:
            middle = (points[a] + points[b]) / 2
            if limb.name == "jaw":  # other limbs cross each other on this ring
                assert shows(picture, *middle, limb.rgb[::-1])
    for x, y in points:
        assert shows(picture, x, y, (255, 255, 255))


@pytest.mark.parametrize("shift", [0.25, 0.5, 0.75])
def test_strokes_are_placed_within_the_pixel(mouse_skeleton: Skeleton, shift: float) -> None:
    points = np.float32([[100, 100], [100, 200], [100, 300], [100, 400]]) + np.float32([shift, 0])
    pose = Pose(State.TRACK, None, points, points, np.ones(4, np.float32))
    row = np.abs(drawn(mouse_skeleton, pose)[150].astype(float) - 90).sum(axis=1)
    assert (row * np.arange(640)).sum() / row.sum() == pytest.approx(100 + shift, abs=0.2)


def test_low_confidence_is_fainter(face_skeleton: Skeleton) -> None:
    points = ring(68, 640, 480)
    marks = [
        np.abs(drawn(face_skeleton, pose_of(points, level)).astype(int) - 90).sum()
        for level in (0.1, 0.4, 0.9)
    ]
    assert 0 < marks[0] < marks[1] < marks[2]


def test_confident_points_stay_bright_beside_faint_ones(face_skeleton: Skeleton) -> None:
    points = ring(68, 640, 480)
    confidence = np.ones(68, np.float32)
    confidence[:8] = 0.1
    picture = drawn(face_skeleton, pose_of(points, confidence))
    assert all(shows(picture, x, y, (255, 255, 255)) for x, y in points[8:])
    assert not any(shows(picture, x, y, (255, 255, 255), 1) for x, y in points[:7])


def test_the_roi_is_drawn_at_its_corners(mouse_skeleton: Skeleton) -> None:
    picture = drawn(mouse_skeleton, Pose(State.TRACK, Roi(320, 240, 200, angle=0.0)))
    changed = cv2.cvtColor((picture != 90).astype(np.uint8), cv2.COLOR_BGR2GRAY)
    x, y, width, height = cv2.boundingRect(changed)
    assert (x + width / 2, y + height / 2) == pytest.approx((320, 240), abs=2)
    assert (width, height) == pytest.approx((200, 200), abs=8)
    assert not picture[240, 220:420:10, 0].max() > 90  # no closed square


def test_points_far_outside_do_no_harm(mouse_skeleton: Skeleton) -> None:
    points = np.float32([[-1e9, 5], [5, 1e9], [700, -300], [1e30, 1e30]])
    drawn(mouse_skeleton, Pose(State.TRACK, None, points, points, np.float32([1, 0.3, 0.1, 1])))


def test_sparse_skeletons_get_larger_joints(
    mouse_skeleton: Skeleton, face_skeleton: Skeleton
) -> None:
    def white(skeleton: Skeleton) -> float:
        points = ring(len(skeleton.keypoints), 640, 480)
        picture = drawn(skeleton, pose_of(points))
        return float((picture > 240).all(axis=2).sum() / len(points))

    assert white(mouse_skeleton) > 2 * white(face_skeleton)


def test_hud_changes_with_the_numbers(mouse_skeleton: Skeleton) -> None:
    frame, overlay = Frame(grey(640, 480), 0, 0), Overlay(mouse_skeleton)
    stats = Timings()
    before = overlay.draw(frame, Pose(State.SEARCH), stats)
    stats.dropped = 7
    dropped = overlay.draw(frame, Pose(State.SEARCH), stats)
    other = overlay.draw(frame, Pose(State.TRACK), stats)
    assert (before != dropped).any()
    assert (dropped != other).any()
    assert (before[60:] == 90).all()


def test_a_notice_is_at_the_bottom_and_nowhere_else(mouse_skeleton: Skeleton) -> None:
    frame, stats, pose = Frame(grey(640, 480), 0, 0), Timings(), Pose(State.SEARCH)
    overlay = Overlay(mouse_skeleton)
    without = overlay.draw(frame, pose, stats)
    stats.notice = "recording stopped: No space left on device"
    told = overlay.draw(frame, pose, stats)
    assert (told[440:] != without[440:]).any()
    assert np.array_equal(told[40:440], without[40:440])
    assert np.array_equal(without[40:], frame.image[40:])


def test_what_is_kept_between_frames_does_not_show(face_skeleton: Skeleton) -> None:
    """One overlay over changing poses, sizes and states draws what a fresh one draws."""
    overlay, rng, stats = (
        Overlay(face_skeleton, caption="engine"),
        np.random.default_rng(0),
        Timings(),
    )
    for turn in range(12):
        width, height = SIZES[turn % 3]
        points = ring(68, width, height)
        confidence = rng.choice([0.1, 0.4, 0.9], 68).astype(np.float32) if turn % 4 else 1.0
        state = list(State)[turn % 3]
        shown = pose_of(points, confidence)
        pose = Pose(state, shown.roi, points, points, shown.confidence)
        stats.dropped = 10**turn
        frame, now = Frame(grey(width, height), 0, 0), Timings()
        now.dropped = stats.dropped
        fresh = Overlay(face_skeleton, caption="engine").draw(frame, pose, at_rest(now))
        np.testing.assert_array_equal(overlay.draw(frame, pose, at_rest(now)), fresh)


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_lines_are_as_wide_as_asked_for(mouse_skeleton: Skeleton, width: int, height: int) -> None:
    """Thin ones are drawn as rails: they must neither gape nor melt away."""
    points = np.float32([[0.2, 0.2], [0.2, 0.4], [0.2, 0.6], [0.2, 0.8]]) * (width, height)
    overlay = Overlay(mouse_skeleton, settings=Settings(style=Style(hud=False, joint_px=1.0)))
    image = np.full((height, width, 3), 250, np.uint8)
    pose = Pose(State.TRACK, None, points, points, np.ones(4, np.float32))
    row = overlay.draw(Frame(image, 0, 0), pose, Timings())[round(height * 0.3)]
    scale = min(max((width * height / (640 * 480)) ** 0.5, 0.5), 4)
    marked = (row < 150).any(axis=1).nonzero()[0]
    assert len(marked) == marked[-1] - marked[0] + 1
    assert len(marked) == pytest.approx(2 * scale + max(scale, 1) + 1, abs=2)


def test_the_caption_may_change_on_the_way(face_skeleton: Skeleton) -> None:
    overlay, frame = Overlay(face_skeleton, caption="the CPU"), Frame(grey(640, 480), 0, 0)
    before = overlay.draw(frame, Pose(State.SEARCH), at_rest(Timings()))
    overlay.caption = "a GPU"
    after = overlay.draw(frame, Pose(State.SEARCH), at_rest(Timings()))
    fresh = Overlay(face_skeleton, caption="a GPU")
    assert overlay.caption == "a GPU"
    assert (after[:26, 320:] != before[:26, 320:]).any()
    np.testing.assert_array_equal(after, fresh.draw(frame, Pose(State.SEARCH), at_rest(Timings())))
