import numpy as np
import pytest
from doubles import frames
from streaming import until

from engines import DataError
from realtime.stream.address import Address
from realtime.stream.camera import VirtualCamera

pyvirtualcam = pytest.importorskip("pyvirtualcam")


class Device:
    """What pyvirtualcam hands pictures to, in place of a driver."""

    made: list["Device"] = []  # noqa: RUF012
    trouble: Exception | None = None

    def __init__(self, *, width, height, fps, fourcc, device, **_):
        if device == "/dev/none":
            raise RuntimeError("no such\ndevice")
        self.size, self.fps, self.name = (width, height), fps, device or "fake0"
        self.pictures = []
        self.closed = 0
        Device.made.append(self)

    def send(self, frame):
        if self.trouble is not None:
            raise self.trouble
        self.pictures.append(frame.copy())

    def close(self):
        self.closed += 1

    def device(self):
        return self.name

    def native_fourcc(self):
        return None


@pytest.fixture(autouse=True)
def _only_the_fake_device(monkeypatch):
    monkeypatch.setattr(pyvirtualcam.camera, "BACKENDS", {"fake": Device})
    monkeypatch.setattr(Device, "made", [])
    monkeypatch.setattr(Device, "trouble", None)


def test_pictures_reach_the_device_as_they_are():
    camera = VirtualCamera(Address.parse("vcam:/dev/video9"), (64, 48), None)
    (device,) = Device.made
    picture = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    camera.show(picture, frames(1)[0])
    until(lambda: device.pictures)
    camera.close()
    assert (device.size, device.fps, device.name) == ((64, 48), 30.0, "/dev/video9")
    np.testing.assert_array_equal(device.pictures[0].reshape(48, 64, 3), picture)
    assert device.closed == 1


def test_other_sizes_are_stretched():
    camera = VirtualCamera(Address.parse("vcam:"), (64, 48), 25.0)
    camera.show(np.full((480, 640, 3), 200, np.uint8), frames(1)[0])
    camera.close()
    (device,) = Device.made
    assert (device.pictures[0] == 200).all()
    assert device.pictures[0].size == 64 * 48 * 3


def test_trouble_of_the_device_is_told_and_does_not_end_the_loop(caplog):
    Device.trouble = RuntimeError("nobody home")
    camera = VirtualCamera(Address.parse("vcam:"), (64, 48), 25.0)
    camera.show(np.zeros((48, 64, 3), np.uint8), frames(1)[0])
    camera.close()
    assert "nobody home" in caplog.text


def test_a_device_that_is_not_there_is_refused_in_one_line():
    with pytest.raises(DataError, match="no virtual camera") as caught:
        VirtualCamera(Address.parse("vcam:/dev/none"), (64, 48), 25.0)
    assert "\n" not in str(caught.value)


def test_without_a_driver_the_remedy_is_said(monkeypatch):
    monkeypatch.setattr(pyvirtualcam.camera, "BACKENDS", {})
    with pytest.raises(DataError, match=r"v4l2loopback|OBS"):
        VirtualCamera(Address.parse("vcam:"), (64, 48), 25.0)
