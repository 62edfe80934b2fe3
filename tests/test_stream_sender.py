import logging
from errno import ENETUNREACH
from threading import Event

import pytest
from streaming import until

from realtime.stream.sender import Sender


class Gate:
    """Sends when it is let, and notes what; fails as told."""

    def __init__(self) -> None:
        self.open, self.busy = Event(), Event()
        self.sent: list[int] = []
        self.closed = 0
        self.error: Exception | None = None

    def send(self, thing: int) -> None:
        self.busy.set()
        assert self.open.wait(30)
        if self.error is not None:
            raise self.error
        self.sent.append(thing)

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def gate() -> Gate:
    return Gate()


def sender(gate: Gate, keep: int = 3) -> Sender[int]:
    return Sender("gate", gate.send, gate.close, keep=keep)


def test_all_is_sent_in_order_and_closed_once(gate: Gate) -> None:
    gate.open.set()
    own = sender(gate, keep=100)
    for thing in range(100):
        own.put(thing)
    own.close()
    own.close()
    assert gate.sent == list(range(100))
    assert (own.taken, own.sent, own.dropped, own.failed) == (100, 100, 0, 0)
    assert (gate.closed, own.notice) == (1, "")


def test_the_newest_win_and_the_rest_is_counted(
    gate: Gate, caplog: pytest.LogCaptureFixture
) -> None:
    own = sender(gate)
    own.put(0)
    assert gate.busy.wait(30)
    for thing in range(1, 10):
        own.put(thing)
    assert own.dropped == 6
    assert own.notice == "gate: 6 dropped"
    gate.open.set()
    with caplog.at_level(logging.WARNING):
        own.close()
    assert gate.sent == [0, 7, 8, 9]
    assert own.taken == own.sent + own.dropped
    assert "of 10, 6 were dropped" in caplog.text


def test_what_is_dropped_is_merged_into_the_next(gate: Gate) -> None:
    own = Sender("gate", gate.send, gate.close, keep=1, merge=lambda old, new: old + new)
    own.put(1)
    assert gate.busy.wait(30)
    for thing in (10, 100, 1000):
        own.put(thing)
    gate.open.set()
    own.close()
    assert gate.sent == [1, 1110]


def test_trouble_is_told_once_and_sending_goes_on(
    gate: Gate, caplog: pytest.LogCaptureFixture
) -> None:
    gate.open.set()
    gate.error = OSError(ENETUNREACH, "Network is unreachable")
    own = sender(gate, keep=10)
    for thing in range(3):
        own.put(thing)
    until(lambda: own.failed == 3)
    assert own.notice == "gate: not sent (Network is unreachable)"
    gate.error = None
    own.put(3)
    until(lambda: own.sent == 1)
    assert own.notice == ""
    own.close()
    assert gate.sent == [3]
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]


def test_a_mistake_reaches_the_owner_by_put_and_by_close(gate: Gate) -> None:
    gate.open.set()
    gate.error = ValueError("ours")
    own = sender(gate)
    own.put(0)
    until(lambda: gate.closed)
    with pytest.raises(ValueError, match="ours"):
        own.put(1)
    with pytest.raises(ValueError, match="ours"):
        own.close()
    assert gate.closed == 1
