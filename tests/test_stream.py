from threading import Event

import pytest
from doubles import FakeTracker
from streaming import HERE, NOWHERE, frame, until

from realtime.frame import Frame
from realtime.loop import run
from realtime.memory import Memory
from realtime.record import Record
from realtime.stream.stream import QUEUE, Stream
from realtime.timing import Timings


class Held:
    """An outlet that hangs until it is let go."""

    name = "held"

    def __init__(self) -> None:
        self.go, self.busy = Event(), Event()
        self.records: list[Record] = []

    def send(self, frame: Frame, record: Record) -> None:
        self.busy.set()
        assert self.go.wait(30)
        self.records.append(record)

    def close(self) -> None:
        pass


def test_every_frame_is_sent_also_without_a_subject() -> None:
    outlet = Held()
    outlet.go.set()
    stream = Stream(outlet)
    for number, pose in enumerate((HERE, NOWHERE, HERE)):
        stream.take(frame(number), pose, Timings())
        until(lambda number=number: len(outlet.records) > number)
    stream.close()
    assert [record.frame for record in outlet.records] == [0, 1, 2]
    assert [len(record.subjects) for record in outlet.records] == [1, 0, 1]


def test_a_hanging_outlet_does_not_hold_the_loop_up_and_the_ledger_adds_up() -> None:
    outlet, source = Held(), Memory([frame(number).image for number in range(50)])
    stream = Stream(outlet)
    source_frames = iter(source)
    stream.take(next(source_frames), HERE, Timings())
    assert outlet.busy.wait(30)
    report = run(source, FakeTracker(), [_Unclosed(stream)], frames=40)
    assert report.frames == 40
    stream.take(frame(90, dropped=5), HERE, Timings())
    outlet.go.set()
    stream.close()
    assert len(outlet.records) == 1 + QUEUE
    assert stream.sender.dropped == 42 - len(outlet.records)
    told = sum(1 + record.lost + record.dropped for record in outlet.records)
    assert told == 42 + 5  # every frame is accounted for


class _Unclosed:
    """A sink that outlives its loop."""

    def __init__(self, stream: Stream) -> None:
        self.take = stream.take

    def close(self) -> None:
        pass


def test_the_notice_is_the_streams_own_and_goes_after_another_sinks() -> None:
    outlet, stats = Held(), Timings()
    stream = Stream(outlet)
    stream.take(frame(0), HERE, stats)
    assert outlet.busy.wait(30)
    assert stats.notice == ""
    for number in range(1, QUEUE + 3):
        stream.take(frame(number), HERE, stats)
    assert stats.notice == "held: 2 dropped"
    stats.notice = "recording stopped"
    stream.take(frame(10), HERE, stats)
    assert stats.notice == "recording stopped"
    outlet.go.set()
    stream.close()


def test_a_mistake_of_an_outlet_ends_the_loop() -> None:
    outlet = Held()
    outlet.go.set()
    outlet.records = ()  # type: ignore[assignment]
    stream = Stream(outlet)
    stream.take(frame(0), HERE, Timings())
    with pytest.raises(AttributeError):
        until(lambda: stream.take(frame(1), HERE, Timings()))
    with pytest.raises(AttributeError):
        stream.close()
