import pytest
from doubles import FakeTracker, numbered

from realtime.loop import run
from realtime.memory import Memory
from realtime.screen import Screen


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


def test_stages_of_what_draws_are_timed_apart_and_it_is_closed_with_the_outputs():
    class Staged(Overlay):
        stages = {"decode": 2.0, "paste": 1.0}  # noqa: RUF012
        closed = 0

        def close(self):
            self.closed += 1

    staged, output = Staged(), Output()
    source = Memory([numbered(0), numbered(1)])
    report = run(source, FakeTracker(), [Screen(staged, [output])], warmup=0)
    assert (report.stages["decode"].p50_ms, report.stages["paste"].p50_ms) == (2.0, 1.0)
    assert report.stages["draw"].p50_ms < 0  # what they took is not in it
    assert (staged.closed, output.closed) == (1, 1)
