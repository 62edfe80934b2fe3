"""What takes the drawn pictures in their full size: a video file, other programs."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from realtime.screen import Output
from realtime.stream.address import CAMERA, Address
from realtime.stream.camera import VirtualCamera
from realtime.video_sink import VideoSink


def open_outputs(
    video: Path | None,
    addresses: Sequence[Address],
    size: tuple[int, int],
    fps: float | None,
    undo: ExitStack,
    *,
    comment: str = "",
) -> list[Output]:
    """Open those of `addresses` that are cameras, and `video`.

    Args:
        size: (width, height) of the pictures.
        fps: nominal rate; None for what each takes by itself.
        undo: closes what was opened, until it is told otherwise.
        comment: what the video says about itself.

    Raises:
        DataError: no such camera, or the video cannot be written.
    """
    outputs: list[Output] = []
    for address in addresses:
        if address.scheme == CAMERA:
            outputs.append(camera := VirtualCamera(address, size, fps))
            undo.callback(camera.close)
    if video is not None:
        outputs.append(VideoSink(video, fps=fps, comment=comment))
    return outputs
