import json

import pytest

from engines import DataError
from realtime.browser.request import (
    Ask,
    Choose,
    Invite,
    Ping,
    Seen,
    View,
    read_request,
)
from realtime.controls import Action


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('{"seen": [7, 3]}', Seen(7, 3)),
        ('{"ping": 12.5}', Ping(12.5)),
        ('{"view": {"width": 640, "pictures": false}}', View(640, False)),
        ('{"ask": "pause"}', Ask(Action.PAUSE, None)),
        ('{"ask": "mirror", "value": true}', Ask(Action.MIRROR, True)),
        ('{"ask": "style", "value": "points,black"}', Ask(Action.STYLE, "points,black")),
        ('{"choose": {"source": 1}}', Choose(1, None)),
        ('{"choose": {"source": 0, "model": 2}}', Choose(0, 2)),
        ('{"invite": true}', Invite()),
    ],
)
def test_what_the_page_asks_is_read(text: str, wanted: object) -> None:
    assert read_request(text) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "null", "[]", "{}", "7", '"ask"', "[" * 3000, '{"a": ' * 900,
        '{"seen": 1}', '{"seen": [1]}', '{"seen": [1, -1]}', '{"seen": [1, 4294967296]}',
        '{"seen": [true, 0]}', '{"seen": [0.5, 0]}', '{"seen": [1, 2], "value": 1}',
        '{"ping": "now"}', '{"ping": NaN}', '{"ping": 1e999}', '{"ping": true}',
        '{"ping": 1' + "0" * 400 + "}", '{"ping": 1' + "0" * 4000 + "}",
        '{"view": {"width": 640}}', '{"view": {"width": -1, "pictures": true}}',
        '{"view": {"width": 640, "pictures": 1}}', '{"view": {"width": 1e9, "pictures": true}}',
        '{"view": {"width": 640, "pictures": true, "x": 1}}', '{"view": 640}',
        '{"ask": "format"}', '{"ask": 1}', '{"ask": "pause", "value": 1}',
        '{"ask": "pause", "value": "on"}', '{"ask": "style", "value": "nonsense"}',
        '{"ask": "record", "value": "/etc/passwd"}', '{"ask": "pause", "extra": 1}',
        '{"choose": {}}', '{"choose": {"source": "0"}}', '{"choose": {"source": -1}}',
        '{"choose": {"path": 1}}', '{"choose": [0]}', '{"choose": {"source": null}}',
        '{"invite": 1}', '{"invite": false}', '{"__class__": "x"}', '{"value": 1}',
    ],
)  # fmt: skip
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(DataError):
        read_request(text)


def test_a_refusal_quotes_no_more_than_a_line() -> None:
    with pytest.raises(DataError) as refusal:
        read_request(json.dumps({"x" * 4000: 1}))
    assert len(str(refusal.value)) < 200
