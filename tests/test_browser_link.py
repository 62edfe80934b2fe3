import socket
from ipaddress import ip_address

import pytest

from engines import DataError
from realtime.browser import link as module
from realtime.browser.link import Place, Serving, code_rows, code_text, outward

URL = "http://192.168.1.20:8421/?token=abcdefghijklmnopqrstuvwx"


def test_it_is_served_on_this_machine_alone_unless_asked_otherwise() -> None:
    with Serving(port=0).bind() as link:
        place = Place.of(Serving(port=0), link)
        assert link.getsockname() == ("127.0.0.1", place.port)
    assert (place.host, place.abroad) == ("127.0.0.1", False)
    assert place.url("x") == f"http://127.0.0.1:{place.port}/?token=x"


def test_for_all_addresses_people_are_told_one_that_others_can_use() -> None:
    serving = Serving(host="0.0.0.0", port=0)
    with serving.bind() as link:
        place = Place.of(serving, link)
    assert place.abroad
    assert not ip_address(place.host).is_unspecified
    assert place.host == outward()


def test_an_address_of_version_6_is_in_brackets() -> None:
    assert Place("fe80::1", 80, abroad=True).url("x") == "http://[fe80::1]:80/?token=x"


def test_the_usual_port_gives_way_one_that_was_asked_for_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with Serving(port=0).bind() as taken:
        port = taken.getsockname()[1]
        monkeypatch.setattr(module, "USUAL_PORT", port)
        with Serving().bind() as other:
            assert other.getsockname()[1] != port
        with pytest.raises(DataError, match=f"port {port} .*--port"):
            Serving(port=port).bind()


@pytest.mark.parametrize("host", ["192.0.2.1", "no.such.host.invalid", "a" * 300, "\u2026"])
def test_a_host_that_is_not_this_machines_is_refused(host: str) -> None:
    with pytest.raises(DataError, match="--host"):
        Serving(host=host, port=0).bind()


def test_a_name_may_be_asked_for_an_address_is_known_anyway() -> None:
    assert Serving(host="lab.local").name == "lab.local"
    assert Serving(host="192.168.1.7").name == ""
    assert Serving(host="::1").name == ""


def test_without_a_network_there_is_still_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: object) -> None:
        raise OSError("Network is unreachable")

    monkeypatch.setattr(socket.socket, "connect", unreachable)
    assert outward() == "127.0.0.1"
    assert outward(6) == "::1"


def test_the_code_for_the_terminal_is_the_code_for_the_page() -> None:
    """Read back as modules: half blocks are two rows each, light is drawn and dark is not."""
    pytest.importorskip("segno")
    rows = code_rows(URL)
    assert {len(row) for row in rows} == {len(rows)}
    assert all(row[:7] == "1111111" for row in (rows[0], rows[6]))  # a finder pattern
    halves = {"\u2588": (0, 0), " ": (1, 1), "\u2580": (0, 1), "\u2584": (1, 0)}
    read: list[str] = []
    for line in code_text(URL).splitlines():
        pairs = [halves[character] for character in line]
        read += ["".join(str(pair[half]) for pair in pairs) for half in (0, 1)]
    inner = [row[2:-2] for row in read[2 : 2 + len(rows)]]
    assert inner == rows
