import pytest

from engines import DataError
from realtime.browser import offers as module
from realtime.browser.offers import Choice, Offers
from realtime.cameras import Camera

NOW = Choice(source="clip.mp4", model="runs/mine.onnx")


@pytest.fixture
def offers(monkeypatch: pytest.MonkeyPatch) -> Offers:
    found = [Camera(0, "Lab Cam", "usb:1:2:3", "/dev/video0")]
    monkeypatch.setattr(module, "cameras", lambda: found)
    return Offers.find(NOW)


def test_what_was_given_and_what_there_is_are_offered(offers: Offers) -> None:
    told = offers.to_dict()
    assert told["sources"] == ["clip.mp4", "Lab Cam", "the built-in clip"]
    assert told["models"] == ["mine", "face68"]
    assert (told["source"], told["model"]) == (0, 0)


def test_a_choice_keeps_what_was_not_chosen(offers: Offers) -> None:
    assert offers.choose(1, None) == Choice(source="usb:1:2:3", model="runs/mine.onnx")
    assert offers.choose(None, 1) == Choice(source="clip.mp4", model="face68")
    assert offers.choose(2, 1) == Choice(source="synthetic:", model="face68")


def test_nothing_else_can_be_chosen(offers: Offers) -> None:
    with pytest.raises(DataError, match="not offered"):
        offers.choose(3, None)
    with pytest.raises(DataError, match="not offered"):
        offers.choose(None, 2)


def test_a_camera_that_was_given_is_offered_once(
    offers: Offers, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = Offers.find(Choice(source="usb:1:2:3", model="face68")).to_dict()
    assert own["sources"] == ["Lab Cam", "the built-in clip"]
    assert own["models"] == ["face68"]


def test_passwords_are_not_told(offers: Offers) -> None:
    own = Offers.find(Choice(source="rtsp://me:secret@cam/1", model="face68"))
    assert own.to_dict()["sources"][0] == "rtsp://cam/1"
    assert own.choose(0, None).source == "rtsp://me:secret@cam/1"
