from threading import Event

import pytest
from doubles import numbered

from realtime import link
from realtime.link import Link
from realtime.mailbox import Mailbox
from realtime.source import SourceError


class Feed:
    """Gives `pictures`, then ends."""

    fps, pixels, got, ends = 30.0, None, {}, False

    def __init__(self, *pictures) -> None:
        self.pictures = list(pictures)
        self.released = Event()

    def read(self):
        if not self.pictures:
            raise SourceError("unplugged")
        return self.pictures.pop(0), 1

    def release(self) -> None:
        self.released.set()


class Clock(Event):
    """A stop that is never waited for; it notes for how long it would have been."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.waits: list[float] = []
        self.most = most

    def wait(self, timeout=None) -> bool:
        self.waits.append(timeout)
        if len(self.waits) == self.most:
            self.set()
        return self.is_set()


@pytest.fixture
def tries(monkeypatch):
    """What is opened again, one after the other; an error cannot be opened."""
    answers, clock = [], Clock(12)
    monkeypatch.setattr(link, "Event", lambda: clock)

    def opener():
        answer = answers.pop(0) if answers else SourceError("still gone")
        if isinstance(answer, Exception):
            raise answer
        return answer

    def run(first: Feed) -> Mailbox:
        mailbox = Mailbox()
        own = Link(mailbox, "webcam", opener, again=True, rated=False)
        own.start(first)
        assert own.join(10)
        return mailbox

    return answers, clock, run


def test_tries_become_rarer_but_never_rarer_than_one_a_second(tries):
    _, clock, run = tries
    run(Feed(numbered(0)))
    assert clock.waits == pytest.approx([0.1, 0.2, 0.4, 0.8, *[1.0] * 8])


def test_a_picture_makes_them_frequent_again(tries):
    answers, clock, run = tries
    gone = SourceError("gone")
    fresh = Feed(numbered(1))
    answers += [gone, gone, gone, fresh]
    mailbox = run(Feed(numbered(0)))
    assert clock.waits[:6] == pytest.approx([0.1, 0.2, 0.4, 0.8, 0.1, 0.2])
    assert fresh.released.is_set()
    assert mailbox.captured == 2


def test_a_camera_that_opens_and_gives_nothing_is_not_asked_more_often(tries):
    answers, clock, run = tries
    empty = [Feed() for _ in range(12)]
    answers += empty
    run(Feed(numbered(0)))
    assert clock.waits == pytest.approx([0.1, 0.2, 0.4, 0.8, *[1.0] * 8])
    assert sum(feed.released.is_set() for feed in empty) == 11
