import threading

import pytest
from doubles import number_of, numbered

from realtime.mailbox import Mailbox


def test_a_new_picture_replaces_the_one_not_taken():
    box = Mailbox()
    for number in range(3):
        box.put(numbered(number), number)
    frame = box.take(0)
    assert (number_of(frame.image), frame.index, frame.time_ns, frame.dropped) == (2, 2, 2, 2)
    box.put(numbered(3), 3)
    assert box.take(0).dropped == 0
    assert (box.captured, box.dropped) == (4, 2)


def test_no_picture_is_given_twice():
    box = Mailbox()
    box.put(numbered(0), 0)
    box.take(0)
    with pytest.raises(TimeoutError):
        box.take(0)


def test_waiting_looks_without_taking():
    box = Mailbox()
    box.put(numbered(5), 0)
    assert number_of(box.wait(0)) == 5
    assert number_of(box.take(0).image) == 5


def test_the_last_picture_comes_before_the_error():
    box = Mailbox()
    box.put(numbered(0), 0)
    box.fail(OSError("gone"))
    assert box.take(0).index == 0
    with pytest.raises(OSError, match="gone"):
        box.take(0)


def test_closing_wakes_whoever_waits_and_counts_what_is_left():
    box = Mailbox()
    answers = []
    waiting = threading.Thread(target=lambda: answers.append(box.take(10)))
    waiting.start()
    box.close()
    waiting.join()
    assert answers == [None]

    box = Mailbox()
    box.put(numbered(0), 0)
    box.close()
    box.put(numbered(1), 1)
    assert (box.captured, box.dropped) == (1, 1)
    assert box.take(0) is None


def test_nothing_is_lost_between_two_busy_threads():
    box = Mailbox()
    total = 2000

    def produce():
        for number in range(total):
            box.put(numbered(0), number)
        box.fail(EOFError())

    producer = threading.Thread(target=produce)
    producer.start()
    taken = []
    with pytest.raises(EOFError):
        taken.extend(iter(lambda: box.take(10), None))
    producer.join()
    assert len(taken) + box.dropped == box.captured == total
    assert sum(frame.dropped for frame in taken) == box.dropped
    assert [frame.index for frame in taken] == [frame.time_ns for frame in taken]
    assert taken[-1].index == total - 1
