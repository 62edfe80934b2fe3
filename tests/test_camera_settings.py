import pytest

from engines import DataError
from realtime.camera_settings import CameraSettings


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("size", (0, 480)),
        ("size", (1 << 20, 480)),
        ("fps", 0.0),
        ("fps", float("nan")),
        ("fps", 1e6),
        ("pixels", "MJPEG"),
        ("pixels", "ÄÖÜ1"),
        ("rotate", 45),
        ("backend", "gstreamer"),
        ("give_up_s", -1.0),
        ("give_up_s", float("nan")),
    ],
)
def test_what_no_camera_can_be_asked_is_refused_by_its_option(option, value):
    name = {"give_up_s": "give-up"}.get(option, option)
    with pytest.raises(DataError, match=f"--{name} "):
        CameraSettings(**{option: value})


def test_what_is_asked_is_plain_and_nothing_is_nothing():
    assert CameraSettings().asked() == CameraSettings().facts() == {}
    wanted = CameraSettings(size=(1280, 720), exposure="auto", gain=0, flip=True, rotate=90)
    assert wanted.asked() == {"size": [1280, 720], "exposure": "auto", "gain": 0}
    assert wanted.facts() == {**wanted.asked(), "flip": True, "rotate": 90}
