from pathlib import Path

import numpy as np
from doubles import frames
from test_swap import Builder, engine

from engines import Card
from engines.swap import SwapEngine
from realtime.engine_watch import EngineWatch
from realtime.event import Event, Kind
from realtime.frame import Pose, State
from realtime.overlay import Overlay
from realtime.timing import Timings

CROPS = np.zeros((1, 64, 64, 3), np.uint8)


class Notes:
    """Takes the place of the recorder."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def mark(self, frame, text="", kind=Kind.MARK) -> None:
        self.events.append(Event(frame.time_ns, frame.index, kind, text))


def test_the_caption_follows_the_engine_and_its_change_is_noted_once(mouse_card: Card) -> None:
    builder = Builder(engine(mouse_card, 1, "gpu"))
    swapping = SwapEngine(engine(mouse_card, 0, "cpu"), builder, forced=False)
    overlay, notes = Overlay(mouse_card.skeleton, caption=swapping.name), Notes()
    watch = EngineWatch(swapping, overlay, notes)
    stats, pose = Timings(live=True), Pose(State.SEARCH)
    assert builder.started.wait(10)
    captions = []
    for frame in frames(4):
        swapping.run(CROPS)
        watch.take(frame, pose, stats)
        captions.append(overlay.caption)
        if frame.index == 1:
            builder.gate.set()
            swapping._job._thread.join()
    assert captions == ["cpu (TensorRT plan: 50%)"] * 2 + ["gpu"] * 2
    (event,) = notes.events
    assert (event.frame, event.kind, event.text) == (2, "engine", "gpu, of gpu")
    assert Event.from_line(event.to_line()) == event
    swapping.close()


def test_it_does_without_a_recorder(mouse_card: Card, tmp_path: Path) -> None:
    builder = Builder(engine(mouse_card, 1, "gpu"))
    builder.gate.set()
    swapping = SwapEngine(engine(mouse_card, 0, "cpu"), builder, forced=False)
    swapping._job._thread.join()
    overlay = Overlay(mouse_card.skeleton)
    watch = EngineWatch(swapping, overlay, None)
    swapping.run(CROPS)
    watch.take(frames(1)[0], Pose(State.SEARCH), Timings(live=True))
    watch.close()
    assert overlay.caption == "gpu"
    swapping.close()
