import logging
import threading

import numpy as np
import pytest

from engines import Card, Decoder, Engine, EngineError, Prediction
from engines.fake import FakeEngine
from engines.geometry import Image, Points
from engines.swap import SwapDecoder, SwapEngine


def engine(card: Card, value: float, name: str) -> FakeEngine:
    """Every keypoint at `value`."""

    def answer(crops):
        count = len(crops)
        return Prediction(
            np.full((count, 4, 2), value, np.float32), np.ones((count, 4), np.float32)
        )

    own = FakeEngine(card, answer)
    own.name, own.precision = name, f"of {name}"
    return own


class Builder:
    """Makes `result` when `gate` is opened."""

    def __init__(self, result: FakeEngine | Exception) -> None:
        self.gate = threading.Event()
        self.started = threading.Event()
        self.result = result

    def __call__(self, tell) -> FakeEngine:
        tell(0.5)
        self.started.set()
        while not self.gate.wait(0.005):
            if not tell(0.5):
                raise EngineError("stopped")
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


CROPS = np.zeros((2, 64, 64, 3), np.uint8)


@pytest.fixture
def cpu(mouse_card: Card) -> FakeEngine:
    return engine(mouse_card, 0, "cpu")


@pytest.fixture
def gpu(mouse_card: Card) -> FakeEngine:
    return engine(mouse_card, 1, "gpu")


def wait_for_build(swapping: SwapEngine) -> None:
    assert swapping._job is not None
    swapping._job._thread.join()


def test_it_runs_on_the_first_until_the_other_is_ready(cpu, gpu, caplog) -> None:
    builder = Builder(gpu)
    swapping = SwapEngine(cpu, builder, forced=False)
    assert isinstance(swapping, Engine)
    assert swapping.card == cpu.card
    assert builder.started.wait(10)
    for _ in range(3):
        assert swapping.run(CROPS).keypoints.max() == 0
    assert (swapping.name, swapping.precision) == ("cpu", "of cpu")
    assert swapping.caption == "cpu (TensorRT plan: 50%)"
    builder.gate.set()
    wait_for_build(swapping)
    assert swapping.name == "cpu"  # nothing changes but in a run
    with caplog.at_level(logging.INFO):
        assert swapping.run(CROPS).keypoints.min() == 1
    assert (swapping.name, swapping.caption, swapping.precision) == ("gpu", "gpu", "of gpu")
    assert "now on gpu, of gpu" in caplog.text
    assert swapping.settled
    assert cpu.calls == 3
    assert not cpu.closed


def test_no_run_waits_and_none_is_lost_in_a_stream(cpu, gpu) -> None:
    """Run after run while the builder works: first all on the one, then all on the other."""
    builder = Builder(gpu)
    swapping = SwapEngine(cpu, builder, forced=False)
    found = []
    for turn in range(300):
        if turn == 100:
            builder.gate.set()
        if turn == 200:
            wait_for_build(swapping) if swapping._job else None
        found.append(swapping.run(CROPS).keypoints.max())
    assert sorted(found) == found
    assert (found[99], found[200]) == (0, 1)
    assert cpu.calls + gpu.calls == 300
    swapping.close()
    assert cpu.closed
    assert gpu.closed


def test_where_none_can_be_made_the_first_goes_on(cpu, caplog) -> None:
    builder = Builder(EngineError("no memory"))
    builder.gate.set()
    swapping = SwapEngine(cpu, builder, forced=False)
    wait_for_build(swapping)
    assert swapping.run(CROPS).keypoints.max() == 0
    assert "no memory; staying with cpu" in caplog.text
    assert swapping.name == "cpu"
    assert swapping.run(CROPS).keypoints.max() == 0
    assert len(caplog.records) == 1
    swapping.close()


def test_where_it_was_asked_for_the_error_is_raised(cpu) -> None:
    builder = Builder(EngineError("no memory"))
    swapping = SwapEngine(cpu, builder, forced=True)
    swapping.run(CROPS)
    builder.gate.set()
    wait_for_build(swapping)
    with pytest.raises(EngineError, match="no memory"):
        swapping.run(CROPS)
    swapping.close()
    assert cpu.closed


def test_a_mistake_of_ours_is_not_hidden(cpu) -> None:
    builder = Builder(ZeroDivisionError())
    builder.gate.set()
    swapping = SwapEngine(cpu, builder, forced=False)
    wait_for_build(swapping)
    with pytest.raises(ZeroDivisionError):
        swapping.run(CROPS)
    swapping.close()


def failing(card: Card) -> FakeEngine:
    def fail(crops):
        raise EngineError("the GPU fell off the bus")

    own = FakeEngine(card, fail)
    own.name = "gpu"
    return own


def test_a_lost_engine_that_cannot_even_be_closed(cpu, monkeypatch: pytest.MonkeyPatch) -> None:
    lame = failing(cpu.card)

    def fail() -> None:
        raise EngineError("still off the bus")

    monkeypatch.setattr(lame, "close", fail)
    builder = Builder(lame)
    builder.gate.set()
    swapping = SwapEngine(cpu, builder, forced=False)
    swapping.settle()
    assert swapping.run(CROPS).keypoints.max() == 0
    swapping.close()
    assert cpu.closed


def test_an_engine_that_fails_later_is_replaced_by_the_first(cpu, caplog) -> None:
    lame = failing(cpu.card)
    builder = Builder(lame)
    builder.gate.set()
    swapping = SwapEngine(cpu, builder, forced=False)
    swapping.settle()
    assert swapping.run(CROPS).keypoints.max() == 0
    assert "fell off the bus; going on with cpu" in caplog.text
    assert (swapping.name, lame.closed, lame.calls) == ("cpu", True, 1)
    swapping.run(CROPS)
    assert lame.calls == 1
    swapping.close()


def test_unless_it_was_asked_for(cpu) -> None:
    builder = Builder(failing(cpu.card))
    builder.gate.set()
    swapping = SwapEngine(cpu, builder, forced=True)
    with pytest.raises(EngineError, match="fell off"):
        swapping.settle() or swapping.run(CROPS)
    swapping.close()


def test_unfit_crops_are_no_failure_of_the_engine(cpu, gpu) -> None:
    builder = Builder(gpu)
    builder.gate.set()
    swapping = SwapEngine(cpu, builder, forced=False)
    swapping.settle()
    with pytest.raises(EngineError, match="crops"):
        swapping.run(CROPS[..., 0])
    assert swapping.name == "gpu"
    swapping.close()


@pytest.mark.parametrize("ready", [False, True])
def test_close_ends_the_build_and_closes_all(cpu, gpu, ready: bool) -> None:
    builder = Builder(gpu)
    if ready:
        builder.gate.set()
    swapping = SwapEngine(cpu, builder, forced=False)
    job = swapping._job
    if ready:
        wait_for_build(swapping)
    swapping.close()
    swapping.close()
    assert job.done
    assert cpu.closed
    assert gpu.closed is ready


class PlainDecoder:
    """Draws its reference, `lighter` than it is."""

    precision = "none"

    def __init__(self, card: Card, lighter: int, name: str) -> None:
        self.card, self.name, self.lighter = card, name, lighter
        self.reference: Image | None = None
        self.closed = self.lame = False

    def prepare(self, reference: Image, keypoints: Points) -> None:
        self.reference = reference

    def draw(self, keypoints: Points) -> Image:
        if self.lame or self.reference is None:
            raise EngineError("lame")
        return self.reference + np.uint8(self.lighter)

    def close(self) -> None:
        self.closed = True


POSE = np.zeros((4, 2), np.float32)


@pytest.fixture
def decoders(mouse_card: Card) -> tuple[PlainDecoder, PlainDecoder]:
    return PlainDecoder(mouse_card, 0, "cpu"), PlainDecoder(mouse_card, 1, "gpu")


def test_a_decoder_that_takes_over_is_told_the_reference(decoders) -> None:
    first, second = decoders
    builder = Builder(second)
    swapping = SwapDecoder(first, builder, forced=False)
    assert isinstance(swapping, Decoder)
    with pytest.raises(EngineError, match="no reference"):
        swapping.draw(POSE)
    reference = np.full((64, 64, 3), 7, np.uint8)
    swapping.prepare(reference, POSE)
    reference[:] = 9  # it is the caller's
    assert builder.started.wait(10)
    builder.gate.set()
    wait_for_build(swapping)
    assert swapping.draw(POSE).max() == 8
    assert swapping.name == "gpu"
    swapping.prepare(np.full((64, 64, 3), 20, np.uint8), POSE)
    assert swapping.draw(POSE).max() == 21
    second.lame = True
    assert swapping.draw(POSE).max() == 20  # the first was told as well
    assert (swapping.name, second.closed) == ("cpu", True)
    swapping.close()
    assert first.closed


def test_a_callers_mistake_costs_no_decoder(decoders) -> None:
    first, second = decoders
    builder = Builder(second)
    builder.gate.set()
    swapping = SwapDecoder(first, builder, forced=False)
    wait_for_build(swapping)
    with pytest.raises(EngineError, match="reference must be"):
        swapping.prepare(np.zeros((63, 64, 3), np.uint8), POSE)
    swapping.prepare(np.zeros((64, 64, 3), np.uint8), POSE)
    for wrong in (POSE[:3], POSE * np.nan):
        with pytest.raises(EngineError, match="keypoint"):
            swapping.draw(wrong)
    assert swapping.draw(POSE).max() == 1
    assert not second.closed
    swapping.close()
