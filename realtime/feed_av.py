"""Cameras and streams read by PyAV, FFmpeg's libraries.

Cameras carry the kernel's times on Linux (V4L2's buffers) and macOS.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from time import monotonic_ns
from typing import TYPE_CHECKING, Any

import numpy as np

from engines.geometry import Image
from realtime import v4l2
from realtime.camera_settings import CameraSettings
from realtime.cameras import Camera, absence
from realtime.feed import OPEN_S, READ_S, stamp
from realtime.source import SourceError

if TYPE_CHECKING:
    from av.container import InputContainer

_FORMATS = {"linux": "v4l2", "win32": "dshow", "darwin": "avfoundation"}
_PIXELS = {  # FFmpeg's names of what cameras call otherwise
    "GREY": "gray",
    "H264": "h264",
    "HEVC": "hevc",
    "MJPG": "mjpeg",
    "NV12": "nv12",
    "RGB3": "rgb24",
    "UYVY": "uyvy422",
    "YU12": "yuv420p",
    "YUYV": "yuyv422",
}
_LETTERS = {name: letters for letters, name in _PIXELS.items()}
_PROMPT = {"fflags": "nobuffer", "flags": "low_delay"}
_CONTROLS = {"exposure": v4l2.EXPOSURE, "gain": v4l2.GAIN}


class AvFeed:
    """An open container with a video stream."""

    def __init__(
        self,
        container: "InputContainer",
        name: str,
        got: Mapping[str, object] | None = None,
        *,
        own_clock: bool = False,
    ) -> None:
        """Takes `container` over.

        Args:
            own_clock: whether its times are of the kernel's clock.

        Raises:
            SourceError: there is no video in it.
        """
        if not container.streams.video:
            container.close()
            raise SourceError(f"{name}: no video there, only {container.format.long_name}")
        stream = container.streams.video[0]
        rate = stream.average_rate or stream.guessed_rate
        self.fps = float(rate) if rate and 0 < rate <= 1000 else None
        codec = stream.codec_context
        own = codec.name if codec.name != "rawvideo" else str(codec.pix_fmt)
        self.pixels = _LETTERS.get(own, own)
        self.got = dict(got or {})
        self.ends = bool(container.duration)
        self._container = container
        self._name = name
        self._own_clock = own_clock
        self._pictures = self._decode(stream)

    def read(self) -> tuple[Image, int]:
        from av.error import FFmpegError

        try:
            picture: tuple[Image, int] = next(self._pictures)
        except (FFmpegError, StopIteration) as error:
            raise SourceError(f"{self._name} stopped giving frames; was it unplugged?") from error
        return picture

    def release(self) -> None:
        self._pictures.close()
        self._container.close()

    def _decode(self, stream: Any) -> Any:
        from av.error import InvalidDataError
        from av.video.reformatter import VideoReformatter

        # one for all frames: each would make its own, with threads, which takes ten times as long
        reformatter = VideoReformatter()
        stream.codec_context.thread_count = 1
        for packet in self._container.demux(stream):
            now_ns = monotonic_ns()
            try:
                frames = packet.decode()
            except InvalidDataError:  # damaged on its way; the next may be whole
                continue
            for frame in frames:
                known = self._own_clock and frame.pts is not None
                own_ns = float(frame.pts * frame.time_base * 10**9) if known else None
                picture = reformatter.reformat(frame, format="bgr24")
                yield np.asarray(picture.to_ndarray(), np.uint8), stamp(own_ns, now_ns)


def open_camera(camera: Camera, settings: CameraSettings) -> AvFeed:
    """
    Raises:
        SourceError: it is not there, in use, or cannot do what is asked.
    """
    kind = _FORMATS.get(sys.platform)
    if kind is None:
        raise SourceError(f"--backend pyav knows no cameras on {sys.platform}; use opencv")
    got = _set_controls(camera, settings)
    file, options = device_options(camera, settings, sys.platform)
    container, reason = _open(file, kind, options)
    if container is None:
        if (asked := settings.asked()) and _open_plain(file, kind):
            said = ", ".join(f"--{name}" for name in asked)
            raise SourceError(
                f"{camera.name} does not take {said} ({reason}); `keycam cameras` lists its modes"
            )
        raise SourceError(absence(camera))
    return AvFeed(container, camera.name, got, own_clock=sys.platform != "win32")


def open_address(address: str, name: str) -> AvFeed:
    """
    Raises:
        SourceError: nothing answers there, or it is not video.
    """
    options = {**_PROMPT, "fpsprobesize": "0"}  # the rate would be a guess, and takes time
    if address.lower().startswith("rtsp"):
        options["rtsp_transport"] = "tcp"  # as OpenCV does: nothing is lost on the way
    container, reason = _open(address, None, options)
    if container is None:
        raise SourceError(
            f"{name}: no video there ({reason}); check the address and that it is being sent"
        )
    return AvFeed(container, name)


def device_options(
    camera: Camera, settings: CameraSettings, platform: str
) -> tuple[str, dict[str, str]]:
    """FFmpeg's name of a camera, and its options for what is asked."""
    options = dict(_PROMPT)
    if settings.size is not None:
        options["video_size"] = f"{settings.size[0]}x{settings.size[1]}"
    if settings.fps is not None:
        options["framerate"] = f"{settings.fps:g}"
    if settings.pixels is not None:
        pixels = _PIXELS.get(settings.pixels.upper(), settings.pixels.lower())
        compressed = pixels in ("mjpeg", "h264", "hevc")
        linux, windows = "input_format", "vcodec" if compressed else "pixel_format"
        options[{"linux": linux, "win32": windows}.get(platform, "pixel_format")] = pixels
    if platform == "linux":
        device = camera.device
        return device if isinstance(device, str) else f"/dev/video{device}", options
    return (f"video={camera.name}" if platform == "win32" else f"{camera.index}:none"), options


def _set_controls(camera: Camera, settings: CameraSettings) -> dict[str, object]:
    """Exposure and gain, which FFmpeg cannot set: by the kernel; what the camera made of them."""
    asked = {name: value for name, value in settings.asked().items() if name in _CONTROLS}
    if not asked:
        return {}
    if not isinstance(camera.device, str):
        raise SourceError("--backend pyav sets exposure and gain on Linux only; use opencv")
    device, got = Path(camera.device), dict[str, object]()
    if not device.exists():
        raise SourceError(absence(camera))
    for name, value in asked.items():
        try:
            if name == "exposure":
                by_hand = v4l2.APERTURE_PRIORITY if value == "auto" else v4l2.MANUAL
                v4l2.set_control(device, v4l2.AUTO_EXPOSURE, by_hand)
            if value == "auto":
                got[name] = v4l2.get_control(device, _CONTROLS[name])
            else:
                got[name] = v4l2.set_control(device, _CONTROLS[name], int(value))
        except OSError as error:
            raise SourceError(
                f"{camera.name} does not take --{name} {value} ({error.strerror}); leave it out"
            ) from error
    return got


def _open(
    file: str, kind: str | None, options: Mapping[str, str]
) -> "tuple[InputContainer | None, str]":
    """An open container, or None and why not."""
    av = _av()
    try:
        timeout = (OPEN_S, READ_S)
        return av.open(file, format=kind, options=dict(options), timeout=timeout), ""
    except (OSError, ValueError) as error:  # FFmpeg's are both
        return None, str(getattr(error, "strerror", None) or error)


def _open_plain(file: str, kind: str) -> bool:
    container, _ = _open(file, kind, {})
    if container is not None:
        container.close()
    return container is not None


def _av() -> Any:
    try:
        import av
    except ImportError as error:
        raise SourceError(f'--backend pyav needs PyAV ({error}): pip install "av"') from error
    av.logging.set_level(av.logging.PANIC)  # our errors say what it would print
    return av
