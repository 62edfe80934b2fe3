import threading
from dataclasses import replace
from itertools import count

import pytest
from doubles import FakeLive, FakeSink, FakeTracker, frames, numbered

from realtime.gap import Gap
from realtime.loop import closing_all, run
from realtime.memory import Memory
from realtime.source import Source, SourceError


def memory(frames=5):
    return Memory([numbered(i) for i in range(frames)])


def test_every_frame_goes_through_the_tracker_to_every_sink():
    sinks = [FakeSink(), FakeSink()]
    tracker = FakeTracker()
    report = run(memory(), tracker, sinks, warmup=0)
    assert [[frame.index for frame in sink.taken] for sink in sinks] == [[0, 1, 2, 3, 4]] * 2
    assert (report.ended, report.frames, report.dropped) == ("source", 5, 0)
    assert tuple(report.stages) == ("grab", "crop", "infer", "track", "loop")
    assert report.stages["infer"].p50_ms == 2.0
    assert all(stage.n == 5 for stage in report.stages.values())
    assert report.fps > 0
    assert tracker.resets == 1
    assert [sink.closed for sink in sinks] == [1, 1]


def test_a_tracker_without_stages_will_do():
    tracker = FakeTracker()
    del tracker.stages
    assert tuple(run(memory(), tracker, [], warmup=1).stages) == ("grab", "loop")


def test_it_ends_when_told():
    sink = FakeSink()
    assert run(memory(), FakeTracker(), [sink], frames=3).ended == "limit"
    assert len(sink.taken) == 3
    assert run(memory(), FakeTracker(), [], seconds=0).ended == "limit"
    stop = threading.Event()
    stop.set()
    report = run(memory(), FakeTracker(), [], stop=stop)
    assert (report.ended, report.frames, report.stages, report.age) == ("stop", 0, {}, None)


def test_a_sink_can_stop_the_loop():
    stop = threading.Event()

    class Window(FakeSink):
        def take(self, frame, pose, stats):
            super().take(frame, pose, stats)
            if frame.index == 2:
                stop.set()

    assert run(FakeLive(), FakeTracker(), [Window()], stop=stop).frames == 3


def test_ctrl_c_is_an_end_like_any_other():
    class Interrupted(FakeSink):
        def take(self, frame, pose, stats):
            super().take(frame, pose, stats)
            if frame.index == 2:
                raise KeyboardInterrupt

    sinks = [FakeSink(), Interrupted(), FakeSink()]
    report = run(memory(), FakeTracker(), sinks)
    assert (report.ended, report.frames) == ("interrupt", 2)
    assert [sink.closed for sink in sinks] == [1, 1, 1]


def test_a_sink_that_fails_ends_the_loop_and_closes_them_all():
    sinks = [FakeSink(), FakeSink(fail_at=2), FakeSink()]
    with pytest.raises(RuntimeError, match="sink failed at 2"):
        run(memory(), FakeTracker(), sinks)
    assert [len(sink.taken) for sink in sinks] == [3, 2, 2]
    assert [sink.closed for sink in sinks] == [1, 1, 1]


def test_the_first_error_wins_and_the_others_are_logged(caplog):
    sinks = [FakeSink(fail_close=OSError("full")), FakeSink(fail_at=0), FakeSink()]
    with pytest.raises(RuntimeError, match="sink failed"):
        run(memory(), FakeTracker(), sinks)
    assert "full" in caplog.text
    assert sinks[2].closed == 1


def test_an_error_while_closing_is_raised_after_the_others_were_closed(caplog):
    sinks = [FakeSink(fail_close=OSError("a")), FakeSink(fail_close=OSError("b")), FakeSink()]
    with pytest.raises(OSError, match="a"):
        run(memory(), FakeTracker(), sinks)
    assert [sink.closed for sink in sinks] == [1, 1, 1]
    assert "b" in caplog.text


def test_a_source_that_dies_is_reported_and_the_sinks_are_closed():
    class Dying(FakeLive, Source):
        def __iter__(self):
            yield from memory(2)
            raise SourceError("the camera is gone")

    sink = FakeSink()
    with pytest.raises(SourceError, match="gone"):
        run(Dying(), FakeTracker(), [sink])
    assert (len(sink.taken), sink.closed) == (2, 1)


def test_a_tracker_that_fails_closes_the_sinks():
    class Failing(FakeTracker):
        def track(self, frame):
            raise ValueError("no")

    sink = FakeSink()
    with pytest.raises(ValueError, match="no"):
        run(memory(), Failing(), [sink])
    assert sink.closed == 1


class Gappy(FakeLive):
    """A camera that is lost for `gone_s` after two frames, or for ever if that is None."""

    def __init__(self, gone_s=None):
        super().__init__()
        self.gone_s = gone_s

    def beats(self):
        first, second, third, fourth = frames(4)
        yield from (first, second)
        for _ in count() if self.gone_s is None else range(3):
            yield Gap(since_ns=second.time_ns, reason="unplugged")
        later_ns = second.time_ns + round(self.gone_s * 1e9)
        yield from (replace(own, time_ns=later_ns + own.time_ns) for own in (third, fourth))


class Told(FakeSink):
    """Notes gaps among the frames it takes."""

    def __init__(self, at_gap=None):
        super().__init__()
        self.seen = []
        self.at_gap = at_gap

    def take(self, frame, pose, stats):
        self.seen.append(frame.index)

    def gone(self, gap, stats):
        self.seen.append(gap.reason)
        if self.at_gap:
            self.at_gap()


def test_sinks_that_want_to_know_are_told_of_a_gap_and_frames_go_on_after_it():
    told, other = Told(), FakeSink()
    report = run(Gappy(gone_s=0.5), FakeTracker(), [told, other])
    assert told.seen == [0, 1, "unplugged", "unplugged", "unplugged", 2, 3]
    assert [frame.index for frame in other.taken] == [0, 1, 2, 3]
    assert (report.frames, report.ended) == (4, "source")


@pytest.mark.parametrize(("gone_s", "resets"), [(0.5, 1), (1.5, 2)])
def test_after_a_long_gap_the_subject_is_looked_for_anew(gone_s, resets):
    tracker = FakeTracker()
    run(Gappy(gone_s), tracker, [])
    assert tracker.resets == resets


def test_a_gap_does_not_keep_the_loop_from_ending():
    stop = threading.Event()
    assert run(Gappy(), FakeTracker(), [Told(stop.set)], stop=stop).ended == "stop"

    def interrupt():
        raise KeyboardInterrupt

    told = Told(interrupt)
    assert run(Gappy(), FakeTracker(), [told]).ended == "interrupt"
    assert told.closed == 1
    assert run(Gappy(), FakeTracker(), [], seconds=0.05).ended == "limit"


def test_nothing_to_close():
    with closing_all([]):
        pass
