import pytest

from engines import DataError
from realtime.stream.address import FORMS, Address


def test_addresses_are_taken_apart() -> None:
    assert Address.parse("udp://10.0.0.2:9000") == Address(scheme="udp", host="10.0.0.2", port=9000)
    assert Address.parse("OSC://Host:1/avatar/1").name == "avatar/1"
    assert Address.parse("vmc://localhost").port == 39539
    assert Address.parse("ws://127.0.0.1:0").port == 0
    assert Address.parse("zmq://[::1]:5/?token=0123456789abcdef").token == "0123456789abcdef"
    assert Address.parse("lsl:") == Address(scheme="lsl")
    assert Address.parse("vcam:/dev/video9").name == "/dev/video9"


@pytest.mark.parametrize(
    "text", ["udp://h:1", "osc://h:1/a", "zmq://[::1]:5", "lsl:mouse", "vcam:", "ws://127.0.0.1:0"]
)
def test_an_address_is_printed_as_it_was_written(text: str) -> None:
    assert str(Address.parse(text)) == text


def test_a_token_is_not_printed() -> None:
    assert "secret" not in str(Address.parse("ws://127.0.0.1:1/?token=secretsecretsecret"))


@pytest.mark.parametrize("text", ["", "nose", "ftp://h:1", "127.0.0.1:9000", "C:\\file", "://"])
def test_unknown_schemes_are_told_of_all_known(text: str) -> None:
    with pytest.raises(DataError) as caught:
        Address.parse(text)
    assert all(form in str(caught.value) for form in FORMS.values())


@pytest.mark.parametrize(
    "text",
    [
        *("udp://h", "udp://:9000", "udp:9000", "udp://h:0", "udp://h:70000", "udp://h:x"),
        *("udp://h:1/name", "udp://h:1?a=b", "udp://h:1/?token=0123456789abcdef", "udp://[::1:2"),
        *("ws://h:1/name", "ws://me:pass@h:1", "ws://h:1#x", "ws://h:1/?token", "osc://h:0"),
    ],
)
def test_what_is_no_such_address_is_told_the_form(text: str) -> None:
    with pytest.raises(DataError, match="say "):
        Address.parse(text)


def test_short_tokens_are_refused_unseen() -> None:
    with pytest.raises(DataError, match="16 characters") as caught:
        Address.parse("ws://127.0.0.1:1/?token=sesame")
    assert "sesame" not in str(caught.value)
