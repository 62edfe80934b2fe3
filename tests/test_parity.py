import numpy as np
import pytest

from engines import Card, Prediction
from engines.fake import FakeEngine
from engines.parity import MOST_PX, compare
from engines.probes import probes


def engine(card: Card, move: float = 0.0, spoil=None) -> FakeEngine:
    """Keypoints from the crops themselves, `move` pixels of the crop to the right and down."""

    def answer(crops):
        base = crops[:, :4, 0, :2].astype(np.float32) / 255
        points = base + np.float32(move * 2 / card.size)
        confidence = np.full(points.shape[:2], 0.5, np.float32)
        if spoil:
            spoil(points, confidence)
        return Prediction(points, confidence)

    return FakeEngine(card, answer)


@pytest.mark.parametrize(("move", "passes"), [(0, True), (0.35, True), (0.36, False), (3, False)])
def test_the_distance_is_in_pixels_of_the_crop(mouse_card: Card, move: float, passes) -> None:
    parity = compare(engine(mouse_card), engine(mouse_card, move), probes(64))
    assert parity.moved_px == pytest.approx(move * np.sqrt(2), abs=1e-4)
    assert parity.passed is passes
    assert ("more than" in str(parity)) is not passes
    assert MOST_PX == 0.5


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("which", [0, 1])
def test_what_is_not_finite_never_passes(mouse_card: Card, value: float, which: int) -> None:
    def spoil(*arrays):
        arrays[which][-1].flat[-1] = value

    for pair in ((engine(mouse_card), engine(mouse_card, spoil=spoil)),) * 2:
        for own in (pair, pair[::-1]):
            parity = compare(*own, probes(64))
            assert not parity.passed
            assert str(parity) == "not finite"


def test_every_crop_counts_alone_and_together(mouse_card: Card) -> None:
    """An engine that is wrong for one crop at a time, or for many, is caught either way."""

    def wrong_for(counts):
        def answer(crops):
            right = engine(mouse_card).run(crops)
            return Prediction(right.keypoints + (len(crops) in counts), right.confidence)

        return FakeEngine(mouse_card, answer)

    for counts in ({1}, {8}):
        assert not compare(engine(mouse_card), wrong_for(counts), probes(64)).passed
    assert compare(engine(mouse_card), wrong_for({2}), probes(64)).passed


def test_confidences_are_measured_too(mouse_card: Card) -> None:
    def doubt(points, confidence):
        confidence -= 0.125

    parity = compare(engine(mouse_card), engine(mouse_card, spoil=doubt), probes(64))
    assert parity.doubted == 0.125
    assert parity.passed
