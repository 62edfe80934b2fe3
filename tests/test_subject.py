import cv2
import numpy as np
import pytest

from engines import DataError, Roi
from train.prior import POSE_MARGIN
from train.subject import Background, roams

SIZE = (320, 240)
ROOM = np.random.default_rng(0).integers(90, 160, (SIZE[1], SIZE[0], 3)).astype(np.uint8)
ROOM = cv2.GaussianBlur(ROOM, (0, 0), 3)


def scene(
    x: float, y: float, angle: float = 0.0, axes: tuple[int, int] = (24, 12), tail: int = 0
) -> np.ndarray:
    """The room with a dark ellipse, and a tail `tail` pixels long behind it."""
    image = ROOM.copy()
    way = np.array([np.cos(angle), np.sin(angle)])
    if tail:
        start = np.array([x, y]) - way * axes[0]
        ends = [tuple(map(round, p)) for p in (start, start - way * tail)]
        cv2.line(image, *ends, (5, 5, 5), 3)
    centre = (round(x * 16), round(y * 16))
    cv2.ellipse(
        image, centre, (axes[0] * 16, axes[1] * 16), np.degrees(angle), 0, 360, (5, 5, 5), -1,
        shift=4,
    )  # fmt: skip
    return image


def walk(count: int = 30, **more) -> tuple[list[np.ndarray], np.ndarray]:
    t = np.linspace(0, 2 * np.pi, count, endpoint=False)
    places = np.stack([160 + 90 * np.cos(t), 120 + 60 * np.sin(t)], axis=1)
    return [scene(x, y, a, **more) for (x, y), a in zip(places, t, strict=True)], places


@pytest.mark.parametrize("tail", [0, 50])
def test_finds_a_roaming_blob_to_two_pixels_with_its_size_and_without_its_tail(tail: int) -> None:
    frames, places = walk(tail=tail)
    background = Background.of(frames)
    rois = [background.find(frame) for frame in frames]
    found = np.array([(roi.x, roi.y) for roi in rois])
    assert np.linalg.norm(found - places, axis=1).max() < 2
    sizes = np.array([roi.size for roi in rois]) / POSE_MARGIN
    np.testing.assert_allclose(sizes, 48, rtol=0.15)  # the ellipse is 48 long
    assert {roi.angle for roi in rois} == {0.0}


def test_large_frames_are_looked_at_small_and_answered_in_their_own_pixels() -> None:
    frames, places = walk()
    large = [cv2.resize(f, None, fx=3, fy=3, interpolation=cv2.INTER_LINEAR) for f in frames]
    background = Background.of(large)
    assert max(background.image.shape) == 320
    for frame, (x, y) in zip(large[::5], places[::5], strict=True):
        roi = background.find(frame)
        assert np.hypot(roi.x - (3 * x + 1), roi.y - (3 * y + 1)) < 4
        assert roi.size / POSE_MARGIN == pytest.approx(144, rel=0.15)


def test_the_background_is_the_room() -> None:
    frames, _ = walk()
    difference = cv2.absdiff(Background.of(frames).image, cv2.GaussianBlur(ROOM, (3, 3), 0))
    assert difference.max() <= 2


def test_nothing_is_found_where_nothing_differs() -> None:
    background = Background.of(walk()[0])
    assert background.find(ROOM) is None
    speck = ROOM.copy()
    speck[100:103, 100:103] = 0
    assert background.find(speck) is None
    rough = np.random.default_rng(1).normal(0, 4, ROOM.shape) + ROOM
    assert background.find(rough.clip(0, 255).astype(np.uint8)) is None


def test_the_largest_of_two_blobs_is_the_subject() -> None:
    background = Background.of(walk()[0])
    frame = scene(100, 100)
    cv2.circle(frame, (250, 180), 7, (5, 5, 5), -1)
    roi = background.find(frame)
    assert np.hypot(roi.x - 100, roi.y - 100) < 2


def test_backgrounds_need_three_frames_of_one_size() -> None:
    with pytest.raises(DataError, match="at least 3"):
        Background.of([ROOM, ROOM])
    with pytest.raises(DataError, match="differ in size"):
        Background.of([ROOM, ROOM, ROOM[:100]])


def circling(size: float, reach: float, count: int = 40) -> list[Roi | None]:
    t = np.linspace(0, 2 * np.pi, count)
    return [Roi(160 + reach * np.cos(a), 120, size) for a in t]


def test_roams_means_small_found_and_about() -> None:
    assert roams(circling(80, 100), *SIZE)
    assert not roams(circling(80, 10), *SIZE)  # stays
    assert not roams(circling(250, 150), *SIZE)  # is large
    assert not roams([roi if n % 2 else None for n, roi in enumerate(circling(80, 100))], *SIZE)
    assert not roams([None] * 10, *SIZE)
