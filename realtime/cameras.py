"""Which cameras there are, by index, name and an id that survives replugging."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

import cv2

from realtime import v4l2
from realtime.capture import open_capture
from realtime.v4l2 import Mode

PROBED = 5  # indices looked at where the system has no list to read
_SYSFS = Path("/sys/class/video4linux")
_DEVICES = Path("/dev")
_PROCESSES = Path("/proc")


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
    """The cameras of this machine in the order of their indices.

    Where the system has no list, each index up to 4 is opened for a moment.
    """
    found = _listed()
    for index in () if found or sys.platform == "linux" else range(PROBED):
        capture = open_capture(index, cv2.CAP_ANY)
        if capture is not None:
            capture.release()
            found.append(Camera(index, f"camera {index}", str(index), index))
    return found


def modes(camera: Camera) -> list[Mode]:
    """In which ways a camera can send its pictures.

    Elsewhere than on Linux it is opened for a moment, and only the mode it opens in is known. A
    camera that does not tell, or cannot be opened, has none.
    """
    if isinstance(camera.device, str):
        return v4l2.modes(Path(camera.device))
    capture = open_capture(camera.device, cv2.CAP_ANY)
    if capture is None:
        return []
    size = (int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)), int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)))
    fps = capture.get(cv2.CAP_PROP_FPS)
    pixels = four_letters(int(capture.get(cv2.CAP_PROP_FOURCC))) or ""
    capture.release()
    return [Mode(pixels=pixels, size=size, fps=(fps,) if 0 < fps <= 1000 else ())]


def find_camera(text: str) -> Camera | None:
    """The camera meant by an index, a name or an id; None if `text` is none of these.

    A number always means a camera, whether it is there or not: opening tells.
    """
    number = text.isdecimal() and len(text) < 4
    if not number and Path(text).exists() and not Path(text).is_char_device():
        return None
    wanted = text.casefold()
    for camera in _listed():
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


def holder(device: str, processes: Path = _PROCESSES) -> str:
    """Which other program has a device file open, as "firefox (pid 812)"; "" if none is seen.

    Programs of other users are not seen.
    """
    for process in processes.glob("[0-9]*"):
        try:
            links = [str(link.readlink()) for link in (process / "fd").iterdir()]
        except OSError:  # it ended, or belongs to somebody else
            continue
        if device in links and int(process.name) != os.getpid():
            return f"{_text(process / 'comm') or 'a program'} (pid {process.name})"
    return ""


def absence(camera: Camera, processes: Path = _PROCESSES) -> str:
    """Why a camera cannot be opened, and what to do."""
    device, where = camera.device, f"at {camera.device} ({camera.name})"
    if isinstance(device, str) and Path(device).exists():
        if not os.access(device, os.R_OK | os.W_OK):
            return f"the camera {where} may not be opened by you; join its group, often `video`"
        if other := holder(device, processes):
            return f"the camera {where} is used by {other}; close that, or use another camera"
    return f"no camera {where}, or another program uses it; `keycam cameras` lists what is there"


def four_letters(code: int) -> str | None:
    """How a camera sends its pixels, as in "MJPG", from OpenCV's number; None if that is none."""
    text = (code & 0xFFFFFFFF).to_bytes(4, "little").decode("latin-1").strip()
    return text if text.isalnum() and text.isascii() else None


def _listed() -> list[Camera]:
    """What the system lists; probing is too slow to look for one camera."""
    if sys.platform == "linux":
        return linux_cameras(_SYSFS, _DEVICES)
    from realtime.listing import listed

    return [Camera(number, name, own, number) for number, name, own in listed(sys.platform)]


def _captures(device: Path, node: Path) -> bool:
    try:
        return v4l2.captures(device)
    except OSError:  # no right to open it, or busy: a camera's first node is the one that captures
        return _text(node / "index") in ("", "0")


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
