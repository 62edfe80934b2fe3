import threading

import pytest

from engines.job import Job


def test_it_gives_what_the_work_returned_and_says_how_far_it_is() -> None:
    gate = threading.Event()

    def work(tell):
        assert tell(0.25)
        assert gate.wait(10)
        tell(1)
        return "made"

    job = Job(work)
    while job.part < 0.25:
        pass
    assert not job.done
    gate.set()
    assert job.result() == "made"
    assert job.result() == "made"
    assert (job.done, job.part) == (True, 1)


def test_its_exception_is_raised_where_the_result_is_asked_for() -> None:
    def work(tell):
        raise KeyError("lost")

    with pytest.raises(KeyError, match="lost"):
        Job(work).result()


def test_stop_is_told_to_the_work_and_waited_for() -> None:
    turns = []

    def work(tell):
        while tell(0.5):
            turns.append(1)
        return len(turns)

    job = Job(work)
    job.stop()
    assert job.done
    assert job.result() == len(turns)


def test_an_interrupt_while_waiting_stops_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    def work(tell):
        while tell(0):
            pass
        return "ended"

    job = Job(work)

    def interrupt(timeout: float) -> bool:
        monkeypatch.undo()
        raise KeyboardInterrupt

    monkeypatch.setattr(job._done, "wait", interrupt)
    with pytest.raises(KeyboardInterrupt):
        job.result()
    assert job.result() == "ended"
