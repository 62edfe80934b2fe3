import asyncio
from collections.abc import Callable

import pytest

from realtime.browser import viewer as module
from realtime.browser.request import Seen, View
from realtime.browser.viewer import LADDER, MOST_AWAY, POSES_AWAY, Quality, Viewer

BEST, WORST = LADDER[-1], LADDER[0]


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    own = Clock()
    monkeypatch.setattr(module, "monotonic", own)
    return own


@pytest.fixture
def viewer(clock: Clock) -> Viewer:
    return Viewer(asyncio.Event())


def watch(
    viewer: Viewer,
    clock: Clock,
    seconds: float,
    *,
    side: int = 1280,
    fps: float = 30,
    away_s: Callable[[Quality], float] = lambda _: 0.005,
) -> list[Quality | None]:
    """Frames come and pictures arrive `away_s` after the one before; what each frame gave."""
    given: list[Quality | None] = []
    arriving: list[tuple[float, int]] = []
    first = viewer._newest[1] + 1
    for sequence in range(first, first + round(seconds * fps)):
        clock.now += 1 / fps
        while arriving and arriving[0][0] <= clock.now:
            viewer.saw(Seen(sequence, arriving.pop(0)[1]))
        given.append(quality := viewer.quality(side))
        if quality is not None:
            viewer.put_picture(sequence, b"jpeg")
            viewer.take()
            start = max(clock.now, arriving[-1][0] if arriving else 0)
            arriving.append((start + away_s(quality), sequence))
    viewer.saw(Seen(2**32 - 1, 2**32 - 1))
    return given


def test_a_quick_page_gets_every_picture_and_the_best_in_the_end(
    viewer: Viewer, clock: Clock
) -> None:
    given = watch(viewer, clock, 10)
    assert None not in given
    assert given[-1] == Quality(1280, BEST[1])
    assert viewer.skipped == 0


def test_a_slow_line_gets_smaller_pictures_until_all_arrive(viewer: Viewer, clock: Clock) -> None:
    given = watch(viewer, clock, 20, away_s=lambda own: own.side / 1280 * 0.06)
    settled = [own for own in given[-150:] if own is not None]
    assert max(own.side for own in settled) < 1280
    assert len(settled) > 120


def test_a_hopeless_line_gets_fewer_and_the_newest(viewer: Viewer, clock: Clock) -> None:
    given = watch(viewer, clock, 20, away_s=lambda _: 0.2)
    last = [own for own in given[-150:] if own is not None]
    assert 20 <= len(last) <= 35  # five a second
    assert {own.jpeg for own in last} == {WORST[1]}
    assert viewer.skipped > 300


def test_after_trouble_the_best_comes_back(viewer: Viewer, clock: Clock) -> None:
    watch(viewer, clock, 15, away_s=lambda _: 0.2)
    assert watch(viewer, clock, 400)[-1] == Quality(1280, BEST[1])


def test_a_page_that_does_not_answer_gets_no_more(viewer: Viewer, clock: Clock) -> None:
    sent: list[str | bytes] = []
    for sequence in range(1, 200):
        clock.now += 1 / 30
        viewer.put_pose(sequence, b"pose")
        if viewer.quality(640) is not None:
            viewer.put_picture(sequence, b"jpeg")
        sent += viewer.take()
    assert sent.count(b"pose") == POSES_AWAY
    assert sent.count(b"jpeg") <= 2
    viewer.saw(Seen(199, 199))
    assert viewer.take()  # and goes on when it does, with what is new
    clock.now += 1
    assert viewer.quality(640) is not None


def test_a_long_line_may_hold_more(viewer: Viewer, clock: Clock) -> None:
    """A tenth of a second there and back: what counts is whether answers come later and later."""
    given: list[Quality | None] = []
    answers: list[tuple[float, int]] = []
    for sequence in range(1, 150):
        clock.now += 1 / 30
        while answers and answers[0][0] <= clock.now:
            number = answers.pop(0)[1]
            viewer.saw(Seen(number, number))
        viewer.put_pose(sequence, b"pose")
        given.append(quality := viewer.quality(640))
        if quality is not None:
            viewer.put_picture(sequence, b"jpeg")
        viewer.take()
        answers.append((clock.now + 0.1, sequence))
    assert None not in given[20:]
    assert viewer._room() <= MOST_AWAY


def test_pictures_are_no_larger_than_the_frame_or_the_screen(viewer: Viewer, clock: Clock) -> None:
    assert watch(viewer, clock, 8, side=500)[-1] == Quality(500, BEST[1])
    viewer.look(View(700, True))
    assert watch(viewer, clock, 8, side=4000)[-1] == Quality(960, BEST[1])
    viewer.look(View(300, True))
    assert watch(viewer, clock, 8, side=4000)[-1] == Quality(320, BEST[1])


def test_a_hidden_page_gets_none(viewer: Viewer, clock: Clock) -> None:
    viewer.look(View(640, False))
    assert set(watch(viewer, clock, 1)) == {None}
    assert viewer.skipped == 0


def test_a_fast_camera_gives_thirty_pictures_a_second(viewer: Viewer, clock: Clock) -> None:
    given = [own for own in watch(viewer, clock, 4, fps=120) if own is not None]
    assert 100 <= len(given) <= 125


def test_messages_go_out_in_order_and_the_newest_picture_wins(viewer: Viewer) -> None:
    viewer.put_pose(1, b"pose 1")
    viewer.put_picture(1, b"jpeg 1")
    viewer.put_pose(2, b"pose 2")
    viewer.put_picture(2, b"jpeg 2")
    viewer.put_text("text")
    assert viewer.take() == ["text", b"pose 1", b"pose 2", b"jpeg 2"]
    assert viewer.take() == []


def test_what_comes_late_is_left_out(viewer: Viewer) -> None:
    """The picture that stands is handed out again for each newcomer."""
    for sequence in (7, 6, 7, 8):
        viewer.put_pose(sequence, b"pose %d" % sequence)
        viewer.put_picture(sequence, b"jpeg %d" % sequence)
    assert viewer.take() == [b"pose 7", b"pose 8", b"jpeg 8"]
    viewer.put_picture(8, b"jpeg 8")
    assert viewer.take() == []


def test_a_picture_waits_for_its_pose(viewer: Viewer) -> None:
    for sequence in range(1, POSES_AWAY + 1):
        viewer.put_pose(sequence, b"pose")
        viewer.take()
    viewer.put_pose(99, b"its pose")
    viewer.put_picture(99, b"jpeg")
    assert viewer.take() == []
    viewer.saw(Seen(1, 0))
    assert viewer.take() == [b"its pose", b"jpeg"]


def test_what_a_page_claims_to_have_seen_changes_little(viewer: Viewer, clock: Clock) -> None:
    viewer.saw(Seen(2**32 - 1, 2**32 - 1))
    for sequence in range(1, 200):
        viewer.put_pose(sequence, b"pose")
        viewer.take()
    assert not viewer.take()
