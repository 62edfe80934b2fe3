"""Every setting of the training of a decoder."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from math import isfinite
from typing import Self

from engines.errors import DataError
from train.settings import parsed


@dataclass(frozen=True, kw_only=True)
class DecoderConfig:
    """Settings of one run; lengths in crop units are fractions of [-1, 1] (half the crop = 1).

    Attributes:
        size: side of the pictures, pixels; a multiple of 16.
        margin: side of the crop over the larger side of the pose's box.
        width: of the networks' finest layers.
        most_frames: taken of one clip, evenly spread.
        apart: share of the pairs in which each picture has a crop of its own. In the others both
            have the reference's, as before one camera that stands still.
        bend: elastic displacement of half of the frames that are apart, crop units.
        turn, scale, shift: standard deviations of a crop's similarity: radians, log of the size,
            place in crop units.
        average: decay of the running mean of the weights, which is what is taken in the end.
    """

    size: int = 128
    margin: float = 2.0
    width: int = 32
    batch: int = 8
    rate: float = 1e-3
    clip: float = 5.0
    steps: int = 8000
    seed: int = 0
    most_frames: int = 60
    apart: float = 0.3
    bend: float = 0.04
    turn: float = 0.08
    scale: float = 0.12
    shift: float = 0.08
    mirror: bool = True
    average: float = 0.999

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not isfinite(value) or value < 0:
                raise DataError(f"the training setting {field.name} cannot be {value}")
        if self.size % 16 or self.size < 32:
            raise DataError(f"size {self.size} must be a multiple of 16, 32 at least")
        for name in ("batch", "width", "most_frames"):
            if getattr(self, name) < 2:
                raise DataError(f"the training setting {name} must be 2 at least")
        if self.steps < 1 or not 0.5 <= self.margin <= 20 or self.rate == 0:
            raise DataError("steps, margin (0.5 to 20) or rate cannot be used")

    def with_texts(self, changes: Sequence[str]) -> Self:
        """A copy with settings replaced as written on a command line, `name=value` each."""
        return replace(self, **parsed(self, changes))

    @property
    def digest(self) -> str:
        """sha256 of all settings, hexadecimal."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    def to_json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """
        Raises:
            DataError: not what `to_json` wrote.
        """
        try:
            return cls(**json.loads(text))
        except (ValueError, TypeError) as error:
            raise DataError(f"not a decoder's settings ({error})") from error
