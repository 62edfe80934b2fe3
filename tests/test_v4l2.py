"""The kernel's answers are made up here, byte by byte, from <linux/videodev2.h>."""

import errno
import struct
import sys
from pathlib import Path

import pytest

from realtime import v4l2
from realtime.v4l2 import Mode, captures, get_control, modes, set_control

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no fcntl")


def fourcc(text: str) -> int:
    return int.from_bytes(text.encode(), "little")


class Kernel:
    """A camera's driver: formats with sizes with intervals, and controls."""

    def __init__(self) -> None:
        self.capabilities = (0x84200001, 0x04200001)  # of the whole device, of this node
        self.formats = {
            "MJPG": {(1280, 720): [(1, 60), (1, 30)], (640, 480): [(1, 60)]},
            "YUYV": {(640, 480): [(1001, 30000)]},
        }
        self.controls = {v4l2.GAIN: 10, v4l2.AUTO_EXPOSURE: 3}
        self.stepwise = False
        self.opened = 0

    def ioctl(self, file: int, request: int, answer: bytearray) -> int:
        number, kind = request & 0xFF, chr(request >> 8 & 0xFF)
        assert kind == "V"
        assert len(answer) == request >> 16 & 0x3FFF  # the size that the request carries
        name = {0: "cap", 2: "format", 74: "size", 75: "interval", 28: "set", 27: "get"}[number]
        getattr(self, f"_{name}")(answer)
        return 0

    def _cap(self, answer: bytearray) -> None:
        struct.pack_into("=16s32s32sI", answer, 0, b"uvcvideo", b"Nice Cam", b"usb-1.5", 0x60100)
        struct.pack_into("=II", answer, 84, *self.capabilities)

    def _format(self, answer: bytearray) -> None:
        index, kind = struct.unpack_from("=II", answer)
        assert kind == (9 if self.capabilities[1] & 0x1000 else 1)
        name = self._nth(list(self.formats), index)
        struct.pack_into("=32sI", answer, 12, b"what the maker calls it", fourcc(name))

    def _size(self, answer: bytearray) -> None:
        index, code = struct.unpack_from("=II", answer)
        sizes = list(self.formats[code.to_bytes(4, "little").decode()])
        if self.stepwise:
            self._nth([0], index)
            struct.pack_into("=I6I", answer, 8, 3, 32, 1920, 8, 24, 1080, 4)
            return
        struct.pack_into("=III", answer, 8, 1, *self._nth(sizes, index))

    def _interval(self, answer: bytearray) -> None:
        index, code, *size = struct.unpack_from("=IIII", answer)
        if self.stepwise:
            assert size == [1920, 1080]
            self._nth([0], index)
            struct.pack_into("=I6I", answer, 16, 3, 1, 120, 1, 5, 0, 1)
            return
        intervals = self.formats[code.to_bytes(4, "little").decode()][tuple(size)]
        struct.pack_into("=III", answer, 16, 1, *self._nth(intervals, index))

    def _set(self, answer: bytearray) -> None:
        control, value = struct.unpack("=Ii", answer)
        self._check(control)
        self.controls[control] = min(value, 255)

    def _get(self, answer: bytearray) -> None:
        (control,) = struct.unpack_from("=I", answer)
        self._check(control)
        struct.pack_into("=i", answer, 4, self.controls[control])

    def _check(self, control: int) -> None:
        if control not in self.controls:
            raise OSError(errno.EINVAL, "Invalid argument")

    @staticmethod
    def _nth(things: list, index: int) -> object:
        if index >= len(things):
            raise OSError(errno.EINVAL, "Invalid argument")
        return things[index]


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    import fcntl

    made = Kernel()
    monkeypatch.setattr(fcntl, "ioctl", made.ioctl)
    return made


@pytest.fixture
def device(tmp_path: Path) -> Path:
    path = tmp_path / "video0"
    path.touch()
    return path


def test_every_mode_is_told(kernel: Kernel, device: Path) -> None:
    assert modes(device) == [
        Mode(pixels="MJPG", size=(1280, 720), fps=(60.0, 30.0)),
        Mode(pixels="MJPG", size=(640, 480), fps=(60.0,)),
        Mode(pixels="YUYV", size=(640, 480), fps=(29.97,)),
    ]


def test_a_camera_of_any_size_and_rate_tells_the_ends(kernel: Kernel, device: Path) -> None:
    kernel.stepwise = True
    del kernel.formats["YUYV"]
    [mode] = modes(device)
    assert mode == Mode(pixels="MJPG", size=(1920, 1080), fps=(120.0, 5.0), least=(32, 24))


@pytest.mark.parametrize(
    ("everything", "own", "expected"),
    [
        (0x84200001, 0x04200001, True),
        (0x84A00001, 0x04A00000, False),  # the node beside it, which carries metadata
        (0x84201000, 0x04201000, True),  # several planes
        (0x04000001, 0, True),  # an old driver that has no word on the node
        (0x04000002, 0, False),  # it only shows pictures
    ],
)
def test_what_gives_pictures_is_known(
    kernel: Kernel, device: Path, everything: int, own: int, expected: bool
) -> None:
    kernel.capabilities = everything, own
    assert captures(device) is expected
    assert bool(modes(device)) is expected


def test_a_driver_that_never_ends_is_cut_off(
    kernel: Kernel, device: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(v4l2, "_MOST", 4)
    kernel._nth = lambda things, index: things[0]
    assert len(modes(device)) == 4**2


def test_controls_are_set_and_the_outcome_told(kernel: Kernel, device: Path) -> None:
    assert set_control(device, v4l2.GAIN, 100) == 100
    assert set_control(device, v4l2.GAIN, 1000) == 255  # the driver's own limit
    assert get_control(device, v4l2.AUTO_EXPOSURE) == 3
    with pytest.raises(OSError, match="Invalid argument"):
        set_control(device, v4l2.EXPOSURE, 5)


def test_what_cannot_be_asked_has_no_modes(tmp_path: Path) -> None:
    assert modes(tmp_path / "video9") == []
    (tmp_path / "plain").write_text("no device")
    assert modes(tmp_path / "plain") == []
