from collections.abc import Callable, Iterator

import pytest

from engines import DataError, EngineError
from realtime.browser import stay as module
from realtime.browser.link import Serving
from realtime.browser.offers import Choice, Offers
from realtime.browser.stay import Page, stay
from realtime.loop import Report
from realtime.source import SourceError
from realtime.timing import Timings

A, B, C = (Choice(source=name, model="face68") for name in "abc")
REPORT = Report.of(Timings(), "stop")
OFFERS = Offers(A, (("a", "A"), ("b", "B"), ("c", "C")), (("face68", "face68"),))


class FakeServer:
    """Says what it was told, and what the page is to choose next."""

    said: list[str]
    choices: Iterator[Choice | None]
    closed = 0

    def __init__(self, _: Serving) -> None:
        pass

    def __enter__(self) -> "FakeServer":
        return self

    def __exit__(self, *_: object) -> None:
        type(self).closed += 1

    def chosen(self) -> Choice | None:
        return next(self.choices)

    def opening(self, offers: Offers) -> None:
        self.said.append(f"opening {offers.now.source}")

    def refuse(self, why: str) -> None:
        self.said.append(why)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> type[FakeServer]:
    monkeypatch.setattr(module, "BrowserServer", FakeServer)
    monkeypatch.setattr(module.Offers, "find", lambda _: OFFERS)
    FakeServer.said, FakeServer.closed = [], 0
    return FakeServer


def runs(failing: dict[str, list[Exception | None]]) -> tuple[list[str], Callable[..., Report]]:
    """A run that fails as told for each source, and notes what it was asked for."""
    opened: list[str] = []

    def run(choice: Choice, page: Page | None) -> Report:
        opened.append(choice.source)
        assert page is not None
        assert page.offers is None or page.offers.now == choice
        queue = failing.get(choice.source, [])
        if queue and (error := queue.pop(0)) is not None:
            raise error
        return REPORT

    return opened, run


def test_it_ends_with_the_run_where_nothing_is_chosen(server: type[FakeServer]) -> None:
    server.choices = iter([None])
    opened, run = runs({})
    assert stay(Serving(), A, run, choosing=True) is REPORT
    assert (opened, server.said, server.closed) == (["a"], [], 1)


def test_what_is_chosen_is_opened_in_the_same_page(server: type[FakeServer]) -> None:
    server.choices = iter([B, C, None])
    opened, run = runs({})
    stay(Serving(), A, run, choosing=True)
    assert opened == ["a", "b", "c"]
    assert (server.said, server.closed) == (["opening b", "opening c"], 1)


def test_what_cannot_be_opened_is_told_and_the_one_before_comes_back(
    server: type[FakeServer],
) -> None:
    server.choices = iter([B, C, None])
    opened, run = runs({"b": [SourceError("b: in use")], "c": [EngineError("c: no model")]})
    stay(Serving(), A, run, choosing=True)
    assert opened == ["a", "b", "a", "c", "a"]
    assert server.said == [
        *("opening b", "b: in use", "opening a"),
        *("opening c", "c: no model", "opening a"),
    ]


def test_an_error_with_nothing_before_it_ends_the_command(server: type[FakeServer]) -> None:
    opened, run = runs({"a": [SourceError("a is gone")]})
    with pytest.raises(SourceError, match="a is gone"):
        stay(Serving(), A, run, choosing=True)
    assert (opened, server.closed) == (["a"], 1)


def test_if_the_one_before_has_gone_too_the_command_ends(server: type[FakeServer]) -> None:
    server.choices = iter([B])
    opened, run = runs({"b": [SourceError("b")], "a": [None, DataError("a as well")]})
    with pytest.raises(DataError, match="a as well"):
        stay(Serving(), A, run, choosing=True)
    assert opened == ["a", "b", "a"]


def test_a_mistake_is_not_taken_for_a_missing_camera(server: type[FakeServer]) -> None:
    server.choices = iter([B])
    _, run = runs({"b": [ZeroDivisionError()]})
    with pytest.raises(ZeroDivisionError):
        stay(Serving(), A, run, choosing=True)
    assert server.closed == 1


def test_without_choosing_nothing_is_offered(server: type[FakeServer]) -> None:
    server.choices = iter([None])

    def run(_: Choice, page: Page | None) -> Report:
        assert page is not None
        assert page.offers is None
        return REPORT

    stay(Serving(), A, run, choosing=False)


def test_without_a_page_it_is_one_run(server: type[FakeServer]) -> None:
    assert stay(None, A, lambda choice, page: REPORT, choosing=True) is REPORT
    assert server.closed == 0
