"""The video of a session: every frame once, at its own time, in a file that survives a kill.

One thread encodes; the loop only puts frames into a bounded queue. The file is a fragmented MP4:
after each fragment, a fifth of a second, it is complete, so a kill costs what came since. It takes
its name with its first fragment, when the second frame is encoded, so a video that is there plays.
Times are microseconds after the first frame, at a variable rate.
"""

from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from queue import Queue
from threading import Thread
from types import ModuleType
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from engines.geometry import Image
from realtime.film_file import FilmFile
from realtime.frame import Frame
from realtime.session import SessionError

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.video.stream import VideoStream

QUEUE_BYTES = 128 << 20  # of pictures that may wait for the encoder,
QUEUE = (4, 64)  # and how many, at least and at most
FRAGMENT_US = 200_000
KEY_S = 1.0  # between pictures that need no others; each of them begins a fragment,
EARLY_KEYS = (1, 2, 4, 8)  # so with these a film plays from its second frame on
DEFAULT_FPS = 30.0  # of a source that does not say
TICKS = 1_000_000  # per second
THREADS = 2

# Encoder: (pixel format, options, ticks per second); MPEG-4 keeps no finer time.
_X264 = {"preset": "superfast", "tune": "zerolatency", "crf": "20"}
_EXACT = {"preset": "ultrafast", "tune": "zerolatency", "qp": "0"}
ENCODERS: dict[str, tuple[str, dict[str, str], int]] = {
    "libx264": ("yuv420p", _X264, TICKS),
    "libx264rgb": ("bgr24", _EXACT, TICKS),
    "mpeg4": ("yuv420p", {"qmin": "2", "qmax": "5"}, 60_000),
}
_FRAGMENTED = {
    "movflags": "frag_keyframe+empty_moov+default_base_moof",
    "frag_duration": str(FRAGMENT_US),
    "flush_packets": "1",
}


class Film:
    """Writes one video of frames of one size.

    Frames are offered by one thread: if there is `room`, by `put`. A film of a file waits for its
    encoder; a live one never does, and a frame it has no room for is left out.

    Attributes:
        codec: the encoder's name.
        taken: frames put so far; the number of the next one.
        written: of these, encoded; after a failure, those that are left in the file.
        error: what stopped it, once it has failed; it then takes no more frames.
    """

    def __init__(
        self, size: tuple[int, int], fps: float | None, *, lossless: bool, waits: bool
    ) -> None:
        """
        Args:
            size: (width, height) of all frames.
            fps: nominal rate; None if it is not known.

        Raises:
            SessionError: there is no encoder for it here.
        """
        self.codec = encoder(lossless=lossless)
        self.taken = self.written = 0
        self.error: Exception | None = None
        self._size = size
        self._rate = Fraction(fps or DEFAULT_FPS).limit_denominator(1001)
        self._waits = waits
        room = QUEUE_BYTES // max(3 * size[0] * size[1], 1)
        self._queue: Queue[Frame | None] = Queue(min(max(room, QUEUE[0]), QUEUE[1]))
        self._first_ns = 0
        self._last = -1  # ticks of the frame before

    def facts(self, name: str) -> dict[str, Any]:
        """What `session.json` says about it, in a file called `name`."""
        return {"file": name, "codec": self.codec, "lossless": self.codec == "libx264rgb"}

    def start(self, path: Path) -> None:
        """Begin to take frames, for a file that must not exist and does not before it plays.

        Raises:
            OSError: it cannot be created.
        """
        self._file = FilmFile(path)
        self._thread = Thread(target=self._run, name=f"film {path}", daemon=True)
        self._thread.start()

    def room(self, frame: Frame) -> bool:
        """Whether `frame` can be put now; for a file, whether it can be put at all."""
        fits = frame.image.shape[1::-1] == self._size
        return fits and self.error is None and (self._waits or not self._queue.full())

    def put(self, frame: Frame) -> None:
        """Take a frame there is room for."""
        self._queue.put(frame)
        self.taken += 1

    def close(self) -> None:
        """Encode what waits and finish the file; `error` tells whether that went well."""
        if self._thread.is_alive():
            self._queue.put(None)
            self._thread.join()

    def _run(self) -> None:
        frames = iter(self._queue.get, None)
        try:
            self._encode(frames)
            self._file.show()
        except Exception as error:  # noqa: BLE001 (the owner looks at it)
            self.error = error
            for _ in frames:  # until it is closed
                pass
        self._file.close()
        if self.error is not None:
            self.written = self._file.cut_back()

    def _encode(self, frames: Iterator[Frame]) -> None:
        av = _av()
        with av.open(self._file, "w", format="mp4", container_options=_FRAGMENTED) as container:
            stream = self._stream(container)
            try:
                for frame in frames:
                    for packet in stream.encode(self._picture(av, frame)):
                        container.mux(packet)
                    self.written += 1
                    self._file.check_there()
                    self._file.show()
                if self.written:
                    container.mux(stream.encode(None))
            except BaseException:
                self._file.broken = True  # the container is closed without it
                raise

    def _stream(self, container: "OutputContainer") -> "VideoStream":
        pixels, options, ticks = ENCODERS[self.codec]
        gop = str(max(round(KEY_S * self._rate), 1))
        stream: Any = container.add_stream(
            self.codec, rate=self._rate, options={**options, "g": gop, "bf": "0"}
        )
        stream.width, stream.height = (side + side % 2 for side in self._size)
        stream.pix_fmt = pixels
        stream.codec_context.time_base = Fraction(1, ticks)
        stream.codec_context.thread_count = THREADS
        video: VideoStream = stream
        return video

    def _picture(self, av: ModuleType, frame: Frame) -> Any:
        """The frame as the encoder wants it; nothing is copied unless a side is odd."""
        ticks = ENCODERS[self.codec][2]
        if not self.written:
            self._first_ns = frame.time_ns
        due = round((frame.time_ns - self._first_ns) * ticks / 1e9)
        self._last = max(due, self._last + 1)
        picture = av.VideoFrame.from_numpy_buffer(_even(frame.image), format="bgr24")
        picture.pts, picture.time_base = self._last, Fraction(1, ticks)
        if self.written in EARLY_KEYS:
            picture.pict_type = av.video.frame.PictureType.I
        return picture


def encoder(*, lossless: bool) -> str:
    """The encoder to use.

    Raises:
        SessionError: this PyAV has none.
    """
    av = _av()
    names = ("libx264rgb",) if lossless else ("libx264", "mpeg4")
    for name in names:
        with suppress(av.codec.codec.UnknownCodecError):
            av.codec.Codec(name, "w")
            return name
    raise SessionError(
        f"this PyAV has no encoder {' or '.join(names)}; install the one from PyPI, or leave "
        f"{'--lossless' if lossless else '--video'} out"
    )


def _av() -> ModuleType:
    try:
        import av  # only where a video is made: it is large
    except ImportError as error:
        raise SessionError(
            f'a video cannot be recorded without PyAV ({error}): pip install "av"'
        ) from error
    return av


def _even(image: Image) -> Image:
    """With the last row and column twice where there is an odd number of them."""
    height, width = image.shape[:2]
    if not (height % 2 or width % 2):
        return np.ascontiguousarray(image)
    padded = cv2.copyMakeBorder(image, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
    return np.asarray(padded, np.uint8)
