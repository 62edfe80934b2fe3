"""Live re-posing: a reference picture that moves as somebody before the camera does."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from realtime.repose.reference import open_references
    from realtime.repose.reposer import Reposer

__all__ = ["Reposer", "open_references"]

_HOMES = {
    "Reposer": "realtime.repose.reposer",
    "open_references": "realtime.repose.reference",
}


def __getattr__(name: str) -> Any:
    """What `__all__` names, imported when it is asked for: it brings OpenCV and more."""
    if name not in _HOMES:
        raise AttributeError(f"module 'realtime.repose' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)
