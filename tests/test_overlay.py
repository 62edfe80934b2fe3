from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from engines import Roi, Skeleton
from engines.geometry import Image, Points
from realtime.controls import Settings
from realtime.frame import Frame, Pose, State
from realtime.overlay import SUBJECTS_BGR, Overlay
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


def styled(skeleton: Skeleton, pose: Pose, style: str, **more: object) -> Image:
    own = Settings(style=Style.parse(f"{style},nohud,nosquare"), **more)
    return Overlay(skeleton, settings=own).draw(Frame(grey(640, 480), 0, 0), pose, Timings())


def two(keypoints: int = 4) -> Pose:
    points = ring(keypoints, 320, 480)
    one = pose_of(points)
    return replace(one, others=(replace(pose_of(points + np.float32([320, 0])), id=1),))


def test_every_subject_is_drawn_with_its_own_square(mouse_skeleton: Skeleton) -> None:
    picture = drawn(mouse_skeleton, two())
    left, right = picture[:, :320], picture[:, 320:]
    assert (left != 90).sum() > 1000
    np.testing.assert_allclose((right != 90).sum(), (left != 90).sum(), rtol=0.05)


def test_subjects_are_told_apart_by_colour_where_asked_for(mouse_skeleton: Skeleton) -> None:
    picture = styled(mouse_skeleton, two(), "lines,subjects")
    for half, color in ((picture[:, :320], 0), (picture[:, 320:], 1)):
        own = {tuple(pixel) for pixel in half.reshape(-1, 3).tolist()}
        assert SUBJECTS_BGR[color] in own
        assert SUBJECTS_BGR[1 - color] not in own


def test_words_decide_what_is_drawn(face_skeleton: Skeleton) -> None:
    pose = pose_of(ring(68, 640, 480))
    skeleton, points, lines, nothing = (
        (styled(face_skeleton, pose, word) != 90).any(axis=2)
        for word in ("skeleton", "points", "lines", "nothing")
    )
    assert not nothing.any()
    assert 0 < points.sum() < lines.sum() < skeleton.sum()
    assert ((points | lines) == skeleton).mean() > 0.999
    assert styled(face_skeleton, pose, "nothing,black").max() == 0
    blue = styled(face_skeleton, pose, "lines,color=#0000ff").reshape(-1, 3).astype(int)
    drawn = blue[(blue != 90).any(axis=1)]
    assert ((drawn[:, 0] - drawn[:, 1:].max(axis=1)) > 100).sum() > 500
    assert drawn[:, 1:].max() <= 90


def test_names_stand_beside_their_points(mouse_skeleton: Skeleton) -> None:
    pose = pose_of(ring(4, 640, 480))
    changed = styled(mouse_skeleton, pose, "nothing,names") != 90
    for x, y in ring(4, 640, 480):
        assert changed[round(y) - 8 : round(y) + 8, round(x) + 5 : round(x) + 40].any()


def test_a_mirror_turns_the_picture_but_not_the_writing(face_skeleton: Skeleton) -> None:
    pose = pose_of(ring(68, 640, 480))
    plain = styled(face_skeleton, pose, "skeleton")
    mirrored = styled(face_skeleton, pose, "skeleton", mirrored=True)
    off = np.abs(mirrored[:450].astype(int) - plain[:450, ::-1])  # the bar below says MIRROR
    assert off.mean() < 0.5
    assert (off.max(axis=2) > 60).mean() < 0.002
    stats = at_rest(Timings())
    frame, overlay = Frame(grey(640, 480), 0, 0), Overlay(face_skeleton, caption="engine")
    bars = [
        overlay.draw(frame, Pose(State.SEARCH), stats, Settings(mirrored=own))[:20]
        for own in (False, True)
    ]
    np.testing.assert_array_equal(*bars)


def test_raw_keypoints_are_drawn_where_asked_for(mouse_skeleton: Skeleton) -> None:
    smoothed = ring(4, 640, 480)
    pose = replace(pose_of(smoothed), raw_px=smoothed + 40)
    asked = styled(mouse_skeleton, pose, "skeleton", raw=True)
    there = styled(mouse_skeleton, pose_of(smoothed + 40), "skeleton")
    assert (asked[:450] == there[:450]).all()  # the bar below says RAW


def test_predicted_keypoints_are_drawn_where_there_are_any(mouse_skeleton: Skeleton) -> None:
    points = ring(4, 640, 480)
    pose = replace(pose_of(points), predicted_px=points + 30, ahead_ms=50.0)
    picture = styled(mouse_skeleton, pose, "skeleton")
    there = styled(mouse_skeleton, pose_of(points + 30), "skeleton")
    np.testing.assert_array_equal(picture[:450], there[:450])
    assert (picture[460:] != 90).any()  # it says so
    raw = styled(mouse_skeleton, pose, "skeleton", raw=True)
    seen = styled(mouse_skeleton, pose_of(points), "skeleton", raw=True)
    np.testing.assert_array_equal(raw, seen)


@pytest.mark.parametrize("room", [(320, 240), (200, 900), (64, 48)])
def test_a_smaller_picture_shows_the_same(mouse_skeleton: Skeleton, room: tuple[int, int]) -> None:
    points = ring(4, 640, 480)
    overlay = Overlay(mouse_skeleton, settings=Settings(style=NO_HUD))
    picture = overlay.draw(Frame(grey(640, 480), 0, 0), pose_of(points), Timings(), room=room)
    height, width = picture.shape[:2]
    assert width <= room[0]
    assert height <= room[1]
    for x, y in (points + 0.5) * (width / 640) - 0.5:
        assert shows(picture, x, y, (255, 255, 255))


def test_what_is_switched_on_is_said_at_the_foot(mouse_skeleton: Skeleton) -> None:
    seen = set()
    for more in ({}, {"paused": True}, {"mirrored": True}, {"recording": Path("s")}, {"raw": True}):
        picture = styled(mouse_skeleton, Pose(State.SEARCH), "skeleton", **more)
        assert (picture[:440] == 90).all()
        assert (picture[460:] != 90).any() == bool(more)
        seen.add(picture.tobytes())
    assert len(seen) == 5


@pytest.mark.parametrize("width", [64, 200, 640])
def test_the_help_fits_on_any_picture(mouse_skeleton: Skeleton, width: int) -> None:
    keys = {"q": "quit", "space, p": "a long explanation of what that key does"}
    frame = Frame(grey(width, 100), 0, 0)
    overlay = Overlay(mouse_skeleton)
    shown, plain = (
        overlay.draw(frame, Pose(State.SEARCH), at_rest(Timings()), Settings(help=own), keys=keys)
        for own in (True, False)
    )
    assert (shown != plain).any()


def test_all_subjects_are_drawn_and_several_have_their_numbers(mouse_skeleton: Skeleton) -> None:
    points = ring(4, 200, 200)
    one = pose_of(points + np.float32([50, 100]))
    other = replace(pose_of(points + np.float32([350, 150])), id=3)
    both = replace(one, others=(other,))
    settings, frame = Settings(), Frame(grey(640, 480), 0, 0)

    def draw(pose: Pose) -> Image:
        return Overlay(mouse_skeleton, settings=settings).draw(frame, pose, at_rest(Timings()))

    alone, together = draw(one), draw(both)
    changed = (alone != together).any(axis=2)
    for pose in (one, other):
        assert pose.roi is not None
        left, top = round(pose.roi.x - pose.roi.size / 2), round(pose.roi.y - pose.roi.size / 2)
        assert changed[top - 20 : top, left : left + 14].any()  # the number
    for x, y in points + np.float32([350, 150]):
        assert changed[round(float(y)), round(float(x))]
