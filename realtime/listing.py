"""The cameras that FFmpeg lists on Windows and macOS, where OpenCV has no list."""

import logging
import re
from typing import Any

_LISTS = {"win32": "dshow", "darwin": "avfoundation"}
_USB = re.compile(r"vid_([0-9a-f]{4})&pid_([0-9a-f]{4})[^#]*#([^#]+)", re.IGNORECASE)
_SCREEN = "capture screen"  # macOS lists screens after the cameras

log = logging.getLogger(__name__)


def listed(platform: str) -> list[tuple[int, str, str]]:
    """Index, name and stable id of each camera; empty where FFmpeg has no list.

    DirectShow's order is that of OpenCV's indices. Its device paths name the USB vendor, product
    and socket; on macOS the name is all there is, so two alike have the index at its end.
    """
    kind = _LISTS.get(platform)
    if kind is None:
        return []
    found: list[tuple[int, str, str]] = []
    for own in _devices(kind):
        name = str(own.description)
        if name.casefold().startswith(_SCREEN):
            continue
        alike = any(name == other for _, other, _ in found)
        stable = windows_id(str(own.name)) or (f"{name} {len(found)}" if alike else name)
        found.append((len(found), name, stable))
    return found


def windows_id(path: str) -> str:
    """The id of a USB camera from its device path, as "usb:046d:0825:6&2c24ce2e"; else ""."""
    match = _USB.search(path)
    if match is None:
        return ""
    vendor, product, place = (part.lower() for part in match.groups())
    return f"usb:{vendor}:{product}:{place}"


def _devices(kind: str) -> list[Any]:
    """What PyAV says FFmpeg lists; nothing where it cannot."""
    try:
        from av.device import enumerate_input_devices

        every = enumerate_input_devices(kind)
    except (ImportError, OSError, ValueError) as error:
        log.debug("no list of cameras: %s", error)
        return []
    return [own for own in every if "video" in (own.media_types or ["video"])]
