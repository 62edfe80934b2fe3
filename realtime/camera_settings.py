"""What is asked of a camera: its mode, its picture, and how long it may be gone."""

from dataclasses import dataclass
from typing import Any, Literal, get_args

from engines.errors import DataError

Backend = Literal["opencv", "pyav"]
BACKENDS: tuple[Backend, ...] = get_args(Backend)
TURNS = (0, 90, 180, 270)
FOR_EVER = None
MAX_SIDE = 1 << 14  # pixels


@dataclass(frozen=True, kw_only=True)
class CameraSettings:
    """What is asked of a source; None for as it is.

    Attributes:
        size: (width, height) of the camera's pictures, pixels, before they are turned.
        fps: frames per second.
        pixels: how the camera sends its pixels, four letters as in "MJPG" or "YUYV".
        exposure: "auto", or a number in the driver's units: on Linux tenths of a millisecond, on
            Windows the exponent of two that makes the seconds.
        gain: in the driver's units.
        flip: whether left and right change places.
        rotate: by how many degrees pictures are turned clockwise, before they are flipped.
        backend: what reads cameras and streams.
        give_up_s: how long a camera or stream that is lost is waited for; 0 not at all, None for
            ever.
    """

    size: tuple[int, int] | None = None
    fps: float | None = None
    pixels: str | None = None
    exposure: Literal["auto"] | int | None = None
    gain: int | None = None
    flip: bool = False
    rotate: int = 0
    backend: Backend = "opencv"
    give_up_s: float | None = 0.0

    def __post_init__(self) -> None:
        """
        Raises:
            DataError: a value that none can have.
        """
        if self.size is not None and not all(0 < side <= MAX_SIDE for side in self.size):
            raise DataError(f"--size {self.size[0]}x{self.size[1]}: sides are 1 to {MAX_SIDE}")
        if self.fps is not None and not 0 < self.fps <= 1000:
            raise DataError(f"--fps {self.fps:g}: a rate is above 0 and at most 1000")
        if self.pixels is not None and not (len(self.pixels) == 4 and self.pixels.isascii()):
            raise DataError(f"--pixels {self.pixels}: four letters, as in MJPG or YUYV")
        if self.rotate not in TURNS:
            raise DataError(f"--rotate {self.rotate}: pictures are turned by 90, 180 or 270")
        if self.backend not in BACKENDS:
            raise DataError(f"--backend {self.backend}: there are {' and '.join(BACKENDS)}")
        if self.give_up_s is not None and not self.give_up_s >= 0:
            raise DataError(f"--give-up {self.give_up_s:g}: seconds are not below 0")

    def asked(self) -> dict[str, Any]:
        """What only a camera can give, by its option's name, as plain JSON; empty for nothing."""
        every = {
            "size": self.size and list(self.size),
            "fps": self.fps,
            "pixels": self.pixels,
            "exposure": self.exposure,
            "gain": self.gain,
        }
        return {name: value for name, value in every.items() if value is not None}

    def facts(self) -> dict[str, Any]:
        """All that was asked, by its option's name, as plain JSON; empty for nothing."""
        turned = {"flip": self.flip, "rotate": self.rotate}
        return self.asked() | {name: value for name, value in turned.items() if value}
