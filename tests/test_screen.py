from threading import Event

import pytest
from doubles import FakeTracker, frames, numbered

from realtime.controls import Action, Controls
from realtime.frame import State
from realtime.gap import Gap
from realtime.loop import run
from realtime.memory import Memory
from realtime.screen import Screen
from realtime.timing import Timings


class Overlay:
    drawn = 0

    def draw(self, frame, pose, stats, settings=None, *, room=None, keys=None):
        self.drawn += 1
        return frame.image + 1


class Output:
    def __init__(self, error=None):
        self.shown, self.closed, self.error = [], 0, error

    def show(self, picture, frame):
        self.shown.append((picture, frame))

    def close(self):
        self.closed += 1
        if self.error:
            raise self.error


def test_each_frame_is_drawn_once_for_all_outputs_and_timed():
    overlay, outputs = Overlay(), [Output(), Output()]
    source = Memory([numbered(0), numbered(1)])
    report = run(source, FakeTracker(), [Screen(overlay, outputs)], warmup=0)
    assert overlay.drawn == 2
    assert report.stages["draw"].n == 2
    for (one, frame), (other, _) in zip(outputs[0].shown, outputs[1].shown, strict=True):
        assert one is other
        assert (one == frame.image + 1).all()
    assert [output.closed for output in outputs] == [1, 1]


def test_all_outputs_are_closed_even_if_one_fails():
    outputs = [Output(OSError("no")), Output()]
    with pytest.raises(OSError, match="no"):
        Screen(Overlay(), outputs).close()
    assert [output.closed for output in outputs] == [1, 1]


def test_a_gap_is_drawn_on_the_last_frame_for_views_and_keys_go_on():
    class Noting(Overlay):
        def draw(self, frame, pose, stats, settings=None, **more):
            self.last = frame.index, pose.state, pose.keypoints_px, stats.notice
            return super().draw(frame, pose, stats)

    class Window(Output):
        room = (640, 480)

    overlay, window, file = Noting(), Window(), Output()
    controls, marked = Controls(Event()), []
    controls.on(Action.MARK, lambda frame, _: marked.append(frame))
    screen, stats = Screen(overlay, [file], [window], controls=controls), Timings()
    gap = Gap(since_ns=0, reason="unplugged")
    screen.gone(gap, stats)  # before the first frame there is nothing to show
    assert overlay.drawn == 0
    first, last = frames(2)
    for frame in (first, last):
        screen.take(frame, FakeTracker().pose, stats)
    stats.notice = "recording stopped"
    controls.ask(Action.MARK)
    screen.gone(gap, stats)
    assert overlay.last[:3] == (1, State.LOST_CAMERA, None)
    assert overlay.last[3].startswith("camera lost ")
    assert stats.notice == "recording stopped"  # it is another's
    assert [frame.index for _, frame in window.shown] == [0, 1, 1]
    assert (window.shown[-1][0] == last.image + 1).all()
    assert marked == [last]
    assert len(file.shown) == 2  # nothing is made up for a file
