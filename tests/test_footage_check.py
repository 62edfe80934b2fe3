import cv2
import numpy as np
import pytest
from moving import panned, wall
from toy import tiny_config

from engines import Roi
from engines.geometry import Image
from train.footage_check import check_footage, cuts
from train.videos import Clip, Footage

CONFIG = tiny_config(size=64, zoom=1.0)
GOOD = panned(100, 1.0)[0]


def found(*clips: tuple[str, list[Image]]) -> dict[str, str]:
    """What was found: the text of each finding, by its first words."""
    made = [
        Clip(name, images, [Roi.of_frame(image.shape[1], image.shape[0]) for image in images])
        for name, images in clips
    ]
    return {str(own.what): str(own) for own in check_footage(Footage(tuple(made)), CONFIG)}


def test_good_footage_is_passed_in_silence() -> None:
    assert found(("a", GOOD), ("b", panned(120, 0, seed=1)[0])) == {}


def treated(how) -> list[Image]:
    return [np.asarray(np.clip(how(image.astype(np.float64)), 0, 255), np.uint8) for image in GOOD]


@pytest.mark.parametrize(
    ("how", "words"),
    [
        (lambda image: image * 0.12, "too dark"),
        (lambda image: 230 + image * 0.2, "over-exposed"),
        (lambda image: 128 + (image - 128) * 0.05, "hardly any contrast"),
        (lambda image: 128 + 4 * (cv2.GaussianBlur(image, (0, 0), 20) - 128), "blurred"),
    ],
)
def test_bad_pictures_are_named(how, words: str) -> None:
    said = found(("good", GOOD), ("bad", treated(how)))
    assert list(said) == [words]
    assert said[words].startswith("bad (")
    assert "good" not in said[words]


def test_a_clip_in_which_nothing_moves() -> None:
    rng = np.random.default_rng(0)
    frame = wall()[:240, :320].astype(np.float64)
    noisy = [(frame + rng.normal(0, 3, frame.shape)).clip(0, 255).astype(np.uint8)] * 150
    still = [Clip(name, noisy, [Roi.of_frame(320, 240)] * 150) for name in ("a", "b")]
    moving = Clip("c", GOOD, [Roi.of_frame(320, 240)] * 100)
    (some,) = check_footage(Footage((*still, moving)), CONFIG)
    assert (some.severity, some.where) == ("warning", "a, b")
    assert "nothing moves" in some.what
    (every,) = check_footage(Footage(tuple(still)), CONFIG)
    assert every.severity == "stop"


def test_a_small_thing_that_moves_is_motion() -> None:
    frames = []
    for n in range(200):
        frame = wall()[:240, :320].copy()
        cv2.circle(frame, (40 + n, 120), 8, (0, 0, 0), -1)
        frames.append(frame)
    assert found(("a", frames)) == {}


def test_hard_cuts_are_counted_and_placed() -> None:
    bright = [np.asarray(255 - image // 2, np.uint8) for image in panned(60, 1, seed=2)[0]]
    said = found(("whole", GOOD), ("cut", [*GOOD[:50], *bright, *GOOD[50:]]))
    (line,) = said.values()
    assert line.startswith("cut (2, the first at frame 50): hard cuts")


def test_fast_motion_and_flicker_are_no_cuts() -> None:
    thumbs = np.stack([cv2.cvtColor(cv2.resize(f, (64, 64)), cv2.COLOR_BGR2GRAY) for f in GOOD])
    assert cuts(thumbs[::10]) == ()
    flicker = thumbs.astype(np.int16) + 12 * (np.arange(len(thumbs)) % 2)[:, None, None]
    assert cuts(flicker.clip(0, 255).astype(np.uint8)) == ()
    assert cuts(np.concatenate([thumbs[:3], 255 - thumbs[:3]])) == ()  # too few to tell


def test_few_and_small_pictures() -> None:
    small = [cv2.resize(image, (40, 30)) for image in GOOD]
    said = found(("small", small), ("one", GOOD[:1]))
    assert "only 101 frames in all" in said
    assert any("one frame only" in what for what in said)
    (size,) = (line for what, line in said.items() if "subject is small" in what)
    assert size.startswith("small (40 px)")
