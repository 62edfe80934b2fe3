from dataclasses import replace
from threading import Event

import numpy as np
import pytest
from doubles import FakeTracker, frames, numbered

from realtime import screen as module
from realtime.controls import Action, Controls, Settings
from realtime.frame import State
from realtime.gap import Gap
from realtime.loop import run
from realtime.memory import Memory
from realtime.overlay import Overlay as RealOverlay
from realtime.screen import Prepared, Screen
from realtime.style import Style
from realtime.timing import Timings


class Overlay:
    def __init__(self):
        self.calls, self.prepared = [], []

    @property
    def drawn(self):
        return len(self.calls)

    def prepare(self, frame, settings, room):
        self.prepared.append((frame.index, room))

    def draw(self, frame, pose, stats, settings=None, *, room=None, keys=None):
        self.calls.append((frame.index, settings, room, keys))
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
        stages = {"decode": 2e6, "paste": 1e6}  # noqa: RUF012
        closed = 0

        def close(self):
            self.closed += 1

    staged, output = Staged(), Output()
    source = Memory([numbered(0), numbered(1)])
    report = run(source, FakeTracker(), [Screen(staged, [output])], warmup=0)
    assert (report.stages["decode"].p50_ms, report.stages["paste"].p50_ms) == (2e6, 1e6)
    assert report.stages["draw"].p50_ms == 0  # what they took is not in it, and it took less
    assert (staged.closed, output.closed) == (1, 1)


class View(Output):
    def __init__(self, room=(64, 48), asked=()):
        super().__init__()
        self.room, self.asked, self.controls = room, dict(asked), None

    def show(self, picture, frame):
        super().show(picture, frame)
        for action in self.asked.get(len(self.shown), ()):
            self.controls.ask(action)


def shown_on(view, *, outputs=(), holds=False, settings=None, count=6):
    """What a screen made of `count` frames; the view's askings are acted on."""
    controls = Controls(Event(), settings)
    view.controls = controls
    overlay = Overlay()
    screen = Screen(overlay, outputs, [view], controls=controls, holds=holds)
    source = Memory([numbered(i) for i in range(count)])
    report = run(source, FakeTracker(), [controls, screen], warmup=0)
    return overlay, report


def indices(shown):
    return [frame.index for _, frame in shown]


def test_in_a_pause_the_view_stands_still_and_all_else_goes_on():
    view, output = View(asked={2: [Action.PAUSE], 4: [Action.PAUSE]}), Output()
    _, report = shown_on(view, outputs=[output])
    assert report.frames == 6
    assert indices(output.shown) == [0, 1, 2, 3, 4, 5]
    assert indices(view.shown) == [0, 1, 1, 1, 4, 5]
    assert view.shown[2][0] is view.shown[3][0]  # nothing is drawn again


def test_a_paused_file_waits_and_its_time_does_not_count(monkeypatch):
    monkeypatch.setattr(module, "HOLD_S", 0.0)
    view = View(asked={2: [Action.PAUSE], 30: [Action.PAUSE]})
    overlay, report = shown_on(view, holds=True)
    assert report.frames == 6
    assert indices(view.shown) == [0, 1] + [1] * 29 + [3, 4, 5]
    held = [call for call in overlay.calls if call[0] == 1]
    assert len(held) <= 3  # drawn again where something changes, not each time


def test_what_is_changed_in_a_pause_is_seen():
    view = View(asked={1: [Action.PAUSE], 3: [Action.STYLE]})
    overlay, _ = shown_on(view)
    assert [(index, str(settings.style)) for index, settings, _, _ in overlay.calls] == [
        (0, "skeleton"),
        (0, "skeleton"),  # now it says that it is paused
        (0, "points"),
    ]


def test_quitting_ends_a_pause_of_a_file():
    view = View(asked={1: [Action.PAUSE], 4: [Action.QUIT]})
    stop = Event()
    view.controls = controls = Controls(stop)
    screen = Screen(Overlay(), (), [view], controls=controls, holds=True)
    report = run(Memory([numbered(0)] * 5), FakeTracker(), [controls, screen], stop=stop)
    assert (report.ended, report.frames) == ("stop", 2)


def test_a_view_shares_the_outputs_picture_only_where_it_is_the_same():
    view, output = View(), Output()
    overlay, _ = shown_on(view, outputs=[output], count=1)
    assert view.shown[0][0] is output.shown[0][0]
    assert overlay.drawn == 1
    for settings in (Settings(mirrored=True), Settings(help=True)):
        view, output = View(), Output()
        overlay, _ = shown_on(view, outputs=[output], count=1, settings=settings)
        assert overlay.drawn == 2
        assert overlay.calls[0][1] == Settings()  # what is kept is never mirrored
        assert overlay.calls[1][1] == settings
    view = View(room=(32, 24))
    overlay, _ = shown_on(view, outputs=[Output()], count=1)
    assert [room for _, _, room, _ in overlay.calls] == [None, (32, 24)]


def test_predictions_are_shown_but_not_drawn_on_what_is_kept():
    drawn = []

    class Noting(Overlay):
        def draw(self, frame, pose, stats, settings=None, *, room=None, keys=None):
            drawn.append([own.predicted_px is not None for own in pose.subjects])
            return frame.image + 1

    pose = FakeTracker().pose
    ahead = replace(pose, predicted_px=pose.keypoints_px + 5, ahead_ms=50.0)
    both = replace(ahead, others=(replace(ahead, id=1),))
    screen = Screen(Noting(), [Output()], [View()], controls=Controls(Event()))
    run(Memory([numbered(0)]), FakeTracker(both), [screen])
    assert drawn == [[False, False], [True, True]]


def test_help_names_the_keys_that_work():
    overlay, _ = shown_on(View(), count=1, settings=Settings(help=True))
    keys = overlay.calls[0][3]
    assert "quit" in keys.values()
    assert "next picture to re-pose" not in keys.values()


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("style", ["skeleton", "points,black,trails,names"])
def test_large_frames_are_drawn_on_no_more_pixels_than_are_shown(
    mouse_skeleton, monkeypatch, mirrored, style
):
    """Nothing but shrinking reads the large frame, and that gives no more than the room."""
    image = np.zeros((2160, 3840, 3), np.uint8)
    view = View(room=(1280, 720))
    made = []

    class Watched(np.ndarray):
        def copy(self, *_):
            raise AssertionError("a copy of the whole frame")

    settings = Settings(mirrored=mirrored, style=Style.parse(style))
    controls = Controls(Event(), settings)
    screen = Screen(RealOverlay(mouse_skeleton), (), [view], controls=controls)
    tracker = Prepared(FakeTracker(), screen)
    run(Memory([image.view(Watched)] * 3), tracker, [screen])
    made = [picture.shape for picture, _ in view.shown]
    assert made == [(720, 1280, 3)] * 3


def test_a_view_is_prepared_for_before_the_pose_is_known_but_not_in_a_pause():
    view = View(asked={2: [Action.PAUSE]})
    view.controls = controls = Controls(Event())
    overlay = Overlay()
    screen = Screen(overlay, (), [view], controls=controls)
    tracker = Prepared(FakeTracker(), screen)
    report = run(Memory([numbered(i) for i in range(5)]), tracker, [controls, screen], warmup=0)
    # asked for at the second picture, acted on with the third frame, already begun with
    assert overlay.prepared == [(0, (64, 48)), (1, (64, 48)), (2, (64, 48))]
    assert report.stages["infer"].n == 5


def test_a_snapshot_is_the_frame_that_is_seen_in_its_full_size():
    view, controls = View(room=(32, 24)), Controls(Event(), Settings(paused=True, help=True))
    overlay = Overlay()
    screen = Screen(overlay, (), [view], controls=controls)
    assert screen.snapshot() is None
    stats, pose = Timings(), FakeTracker().pose
    for frame in frames(3):
        stats.grabbed(frame)
        screen.take(frame, pose, stats)
    drawn, clean = screen.snapshot()
    assert (clean == numbered(0)).all()  # paused since the first
    assert (drawn == numbered(0) + 1).all()
    index, settings, room, _ = overlay.calls[-1]
    assert (index, room) == (0, None)
    assert settings == replace(controls.state, paused=False, help=False)


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
