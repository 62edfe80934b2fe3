"""Which cameras there are, by index, name and an id that survives replugging."""

import struct
import sys
from dataclasses import dataclass
from pathlib import Path

import cv2

from realtime.capture import open_capture

PROBED = 5  # indices looked at where the system has no list to read
_SYSFS = Path("/sys/class/video4linux")
_DEVICES = Path("/dev")
_QUERY = 0x80685600  # VIDIOC_QUERYCAP: what a video device can do, a struct of 104 bytes
_CAN_CAPTURE = 0x1 | 0x1000  # V4L2_CAP_VIDEO_CAPTURE, …_MPLANE
_HAS_DEVICE_CAPS = 0x80000000


@dataclass(frozen=True)
class Camera:
    """One camera.

    Attributes:
        index: the number that opens it today; it may change when cameras are plugged.
        name: as the maker calls it.
        id: the same after replugging into the same socket: "usb:VENDOR:PRODUCT:SOCKET" or the
            bus address; where the system does not tell, the index.
        device: what to open: a device file, or the index.
    """

    index: int
    name: str
    id: str
    device: str | int


def cameras() -> list[Camera]:
    """The cameras of this machine in the order of their indices. Elsewhere than on Linux each
    index up to 4 is opened for a moment."""
    if sys.platform == "linux":
        return linux_cameras(_SYSFS, _DEVICES)
    found = []
    for index in range(PROBED):
        capture = open_capture(index, cv2.CAP_ANY)
        if capture is not None:
            capture.release()
            found.append(Camera(index, f"camera {index}", str(index), index))
    return found


def find_camera(text: str) -> Camera | None:
    """The camera meant by an index, a name or an id; None if `text` is none of these.

    A number always means a camera, whether it is there or not: opening tells.
    """
    number = text.isdecimal() and len(text) < 4
    if not number and Path(text).exists() and not Path(text).is_char_device():
        return None
    wanted = text.casefold()
    for camera in cameras() if sys.platform == "linux" else []:  # no list elsewhere, only probing
        names = (camera.name.casefold(), camera.id.casefold())
        if wanted in (*names, str(camera.index), str(camera.device)):
            return camera
    return Camera(int(text), f"camera {text}", text, int(text)) if number else None


def linux_cameras(sysfs: Path, devices: Path) -> list[Camera]:
    """The capture devices of a `video4linux` folder; nodes that only carry metadata are not."""
    found = []
    nodes = [node for node in sysfs.glob("video*") if node.name[5:].isdecimal()]
    for node in sorted(nodes, key=lambda node: int(node.name[5:])):
        device = devices / node.name
        if _captures(device, node):
            name = _text(node / "name") or node.name
            found.append(Camera(int(node.name[5:]), name, _stable_id(node), str(device)))
    return found


def _captures(device: Path, node: Path) -> bool:
    import fcntl  # there is none on Windows

    answer = bytearray(104)
    try:
        with device.open("rb", buffering=0) as file:
            fcntl.ioctl(file, _QUERY, answer)
    except OSError:  # no right to open it, or busy: a camera's first node is the one that captures
        return _text(node / "index") in ("", "0")
    everything, device_caps = struct.unpack_from("=II", answer, 84)
    return bool((device_caps if everything & _HAS_DEVICE_CAPS else everything) & _CAN_CAPTURE)


def _stable_id(node: Path) -> str:
    interface = (node / "device").resolve()
    usb = interface.parent
    vendor, product = _text(usb / "idVendor"), _text(usb / "idProduct")
    if vendor and product:
        return f"usb:{vendor}:{product}:{usb.name}"
    return interface.name


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", errors="replace").strip()
    except OSError:
        return ""
