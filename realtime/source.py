"""Where frames come from: what every source promises, and the one way to open one."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self, runtime_checkable

from engines.errors import KeycamError
from realtime.camera_settings import CameraSettings
from realtime.frame import Frame
from realtime.gap import Gap

PICTURE_SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})
_URL = re.compile(r"(rtsp|rtsps|http|https|udp|tcp)://", re.IGNORECASE)


class SourceError(KeycamError):
    """A camera, video, stream or folder of pictures cannot be read."""


@runtime_checkable
class Source(Protocol):
    """Yields frames, each once, with rising `index` and rising `time_ns`.

    A file or folder is read whole and in order. A live source (`live`) hands over the newest frame
    and counts the ones nobody took. Iterate once; `close` may be called twice, and from then on
    nothing is yielded. Every frame captured was either yielded or is in `dropped`.

    Attributes:
        name: what was opened, fit to be printed and recorded: passwords of an address are left out.
        live: whether frames are lost when they are not taken in time.
        fps: the nominal rate, or None if the source does not know one. Times of frames are real.
        size: (width, height) of the first frame, pixels.
        dropped: how many frames were captured and never yielded, so far.
        camera: of a camera its index, name, id, backend, mode (size, fps, pixels) and what was
            asked, as plain JSON.

    Raises:
        SourceError: while iterating, when a camera or stream dies or stalls.
    """

    name: str
    live: bool
    fps: float | None
    size: tuple[int, int]
    dropped: int
    camera: Mapping[str, object] | None = None

    def __iter__(self) -> Iterator[Frame]: ...

    def beats(self) -> Iterator[Frame | Gap]:
        """The frames; and, of a live source, the gap it is in a few times per second meanwhile."""
        yield from self

    def close(self) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def open_source(
    text: str, settings: CameraSettings | None = None, *, realtime: bool = False
) -> Source:
    """Open what `text` names.

    Args:
        text: `0`, `1` … or a camera's name or id; a video file; a picture or a folder of pictures;
            an `rtsp://`, `http://`, `https://`, `udp://` or `tcp://` address; or `synthetic:` with
            options as in `synthetic:seed=3,frames=300,size=640x480,fps=30`.
        settings: what is asked of it; anything can be turned, the rest is for cameras.
        realtime: play files, folders and `synthetic:` at their own speed, for watching; otherwise
            as fast as they are taken. Nothing is dropped either way.

    Raises:
        SourceError: there is no such thing, or it cannot be read.
    """
    wanted = settings or CameraSettings()
    source = _open(text, wanted, realtime=realtime)
    if not (wanted.flip or wanted.rotate):
        return source
    from realtime.turned import Turned

    return Turned(source, flip=wanted.flip, rotate=wanted.rotate)


def names_live(text: str) -> bool:
    """Whether `text` names a camera or an address: something that is watched, not a file."""
    from realtime.cameras import find_camera

    return bool(_URL.match(text)) or find_camera(text) is not None


def _open(text: str, settings: CameraSettings, *, realtime: bool) -> Source:
    # These modules build on the protocol above, so they are imported here.
    from realtime.cameras import find_camera
    from realtime.live import open_camera, open_stream
    from realtime.pictures import Pictures
    from realtime.synthetic import open_synthetic
    from realtime.video import open_video

    path, address = Path(text), bool(_URL.match(text))
    synthetic = text.startswith("synthetic:")
    if not (address or synthetic) and (found := find_camera(text)) is not None:
        return open_camera(found, settings)
    if asked := settings.asked():
        name = public_name(text) if address else text
        what = " and ".join(f"--{own}" for own in asked)
        raise SourceError(f"{name} is no camera of this machine; {what} cannot be had of it")
    if address:
        return open_stream(text, settings, realtime=realtime)
    if synthetic:
        return open_synthetic(text, realtime=realtime)
    if path.is_dir() or path.suffix.lower() in PICTURE_SUFFIXES:
        return Pictures(path, realtime=realtime)
    return open_video(path, realtime=realtime)


def public_name(address: str) -> str:
    """An address fit to be printed and recorded: without the user's name, password or query."""
    return re.sub(r"\?.*", "?…", re.sub(r"//[^/@]*@", "//", address))
