import pytest

from realtime.browser import door as module
from realtime.browser.door import MOST_BROWSERS, Arrival, Door

LOCAL = ("127.0.0.1", 8421)
HOST = "127.0.0.1:8421"
ORIGIN = f"http://{HOST}"


def arrival(
    *, token: str = "", cookie: str = "", local: tuple[str, int] = LOCAL, **headers: str
) -> Arrival:
    own = {"host": HOST} | {name.replace("_", "-"): value for name, value in headers.items()}
    return Arrival(local, own, token, {"keycam-8421": cookie} if cookie else {})


@pytest.fixture
def door() -> Door:
    return Door(8421)


def test_a_token_is_good_once(door: Door) -> None:
    token = door.token
    cookie = door.exchange(arrival(token=token))
    assert cookie
    assert door.exchange(arrival(token=token)) is None
    assert door.token != token
    assert door.exchange(arrival(token=door.token))


def test_the_cookie_is_good_again_and_again(door: Door) -> None:
    cookie = door.exchange(arrival(token=door.token)) or ""
    for _ in range(3):
        assert door.knows(arrival(cookie=cookie))
        assert door.admits(arrival(cookie=cookie, origin=ORIGIN))
    assert not door.knows(arrival(cookie=cookie[:-1]))
    assert not door.knows(arrival())
    assert not Door(8421).knows(arrival(cookie=cookie))


@pytest.mark.parametrize("token", ["", "x", "\u00e9", "\ud800", "A" * 10_000])
def test_another_token_is_not(token: str, door: Door) -> None:
    before = door.token
    assert door.exchange(arrival(token=token)) is None
    assert door.token == before


def test_looking_ahead_uses_no_token_up(door: Door) -> None:
    ahead = arrival(token=door.token, sec_purpose="prefetch;prerender")
    assert door.exchange(ahead) is None
    assert door.exchange(arrival(token=door.token))


@pytest.mark.parametrize(
    ("local", "host"),
    [
        (LOCAL, "127.0.0.1:8421"),
        (LOCAL, "LOCALHOST:8421"),
        (("::1", 8421), "[::1]:8421"),
        (("::ffff:192.168.1.7", 8421), "192.168.1.7:8421"),
        (("192.168.1.7", 80), "192.168.1.7"),
        (("fe80::1%eth0", 8421), "[fe80::1]:8421"),
        (("192.168.1.7", 8421), "lab.local:8421"),
    ],
)
def test_the_address_connected_to_may_be_asked_for(local: tuple[str, int], host: str) -> None:
    assert Door(8421, "Lab.local").host(arrival(local=local, host=host)) == host.lower()


@pytest.mark.parametrize(
    "host", ["", "evil.example:8421", "127.0.0.1", "127.0.0.1:80", "192.168.1.7:8421", "localhost"]
)
def test_no_other_host_may(host: str, door: Door) -> None:
    cookie = door.exchange(arrival(token=door.token)) or ""
    asked = arrival(cookie=cookie, host=host)
    assert door.host(asked) is None
    assert not door.knows(asked)
    assert door.exchange(arrival(token=door.token, host=host)) is None


def test_localhost_is_not_the_name_of_an_address_on_the_network() -> None:
    asked = arrival(local=("192.168.1.7", 8421), host="localhost:8421")
    assert Door(8421).host(asked) is None


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "https://127.0.0.1:8421"},
        {"origin": "http://127.0.0.1:8000"},
        {"origin": ORIGIN, "sec_fetch_site": "cross-site"},
        {"origin": ORIGIN, "sec_fetch_site": "same-site"},
        {},
    ],
    ids=str,
)
def test_the_websocket_is_for_this_page_alone(headers: dict[str, str], door: Door) -> None:
    cookie = door.exchange(arrival(token=door.token)) or ""
    assert not door.admits(arrival(cookie=cookie, **headers))
    assert door.admits(arrival(cookie=cookie, origin=ORIGIN, sec_fetch_site="same-origin"))


def test_invitations_are_few_and_do_not_last(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    first, *others = [door.invite() for _ in range(5)]
    assert door.exchange(arrival(token=first)) is None  # given up for the fifth
    assert door.exchange(arrival(token=others[0]))
    assert door.exchange(arrival(token=others[0])) is None
    monkeypatch.setattr(module, "monotonic", lambda: 1e12)
    assert door.exchange(arrival(token=others[1])) is None
    assert door.exchange(arrival(token=door.token))


def test_the_oldest_browser_goes_when_there_are_too_many(door: Door) -> None:
    first, *others = [
        door.exchange(arrival(token=door.token)) or "" for _ in range(MOST_BROWSERS + 1)
    ]
    assert not door.knows(arrival(cookie=first))
    assert all(door.knows(arrival(cookie=cookie)) for cookie in others)
