import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.stream import order as module
from realtime.stream.order import Order


@given(st.lists(st.integers(0, 30), max_size=60), st.integers(0, 2**32 - 31))
def test_what_is_let_through_rises_and_every_message_is_accounted_for(numbers, start):
    order = Order()
    through = [number for number in numbers if order.accept(start + number)]
    assert through == sorted(set(through))
    assert order.received == len(numbers)
    assert order.accepted == len(through)
    assert order.repeated == len(numbers) - len(set(numbers))
    if numbers:
        later = [number for number in set(numbers) if number >= numbers[0]]
        earlier = len(set(numbers)) - len(later)
        span = max(numbers) - numbers[0] + 1
        assert order.accepted + order.late - earlier + order.lost == span


def test_lost_late_and_repeated():
    order = Order()
    came = [0, 1, 4, 2, 4, 7, 6, 2]
    assert [order.accept(n) for n in came] == [True, True, True, False, False, True, False, False]
    assert (order.lost, order.late, order.repeated) == (2, 2, 2)  # 3 and 5 never came
    assert order.received == len(came)


def test_another_numbering_begins_anywhere():
    order = Order()
    order.accept(1000)
    order.restart()
    assert order.accept(3)
    assert (order.lost, order.late, order.accepted) == (0, 0, 2)


def test_a_copy_is_forgotten_after_a_while_and_counts_stay_sane(monkeypatch):
    monkeypatch.setattr(module, "REMEMBER", 4)
    order = Order()
    for number in (*range(10), 0, 9):
        order.accept(number)
    assert order.lost == 0
    assert order.received == 12
    assert order.accepted == 10


def test_a_gap_of_billions_costs_nothing():
    order = Order()
    order.accept(0)
    assert order.accept(2**32 - 1)
    assert order.lost == pytest.approx(2**32 - 2)
