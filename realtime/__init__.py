"""keycam live: sources of frames, the tracker, sinks, and the loop that joins them."""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

os.environ.setdefault("OPENCV_VIDEOIO_MSMF_ENABLE_HW_TRANSFORMS", "0")  # before cv2: fast opening

if TYPE_CHECKING:
    from realtime.tracker import Tracker
    from realtime.tracking import track

__all__ = ["Tracker", "track"]

_HOMES = {"Tracker": "realtime.tracker", "track": "realtime.tracking"}


def __getattr__(name: str) -> Any:
    """What `__all__` names, imported when it is asked for: it brings OpenCV and more."""
    if name not in _HOMES:
        raise AttributeError(f"module 'realtime' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)
