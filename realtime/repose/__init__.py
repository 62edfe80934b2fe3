"""Live re-posing: a reference picture that moves as somebody before the camera does."""

from realtime.repose.reference import open_references
from realtime.repose.reposer import Reposer

__all__ = ["Reposer", "open_references"]
