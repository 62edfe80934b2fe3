"""One clip of a pack: its pixels in a mapped file, and its entry in the index."""

import zlib
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from typing import Any, BinaryIO, overload

import numpy as np

from engines.geometry import Image, Roi
from train.videos import Clip

LONGEST_SIDE = 1 << 15  # pixels
FACTS = [field.name for field in fields(Clip) if field.name not in ("name", "images")]


class PackedImages(Sequence[Image]):
    """The pictures of one clip: (H, W, 3) uint8 views of the mapped file, not writable."""

    def __init__(self, pixels: memoryview, start: int, shapes: list[tuple[int, int]]) -> None:
        self._pixels = pixels
        self._shapes = shapes
        self._starts = start + np.cumsum([0, *(3 * h * w for h, w in shapes)])

    def __len__(self) -> int:
        return len(self._shapes)

    @overload
    def __getitem__(self, place: int) -> Image: ...
    @overload
    def __getitem__(self, place: slice) -> list[Image]: ...
    def __getitem__(self, place: int | slice) -> Image | list[Image]:
        if isinstance(place, slice):
            return [self[n] for n in range(*place.indices(len(self)))]
        n = range(len(self))[place]
        height, width = self._shapes[n]
        flat = np.frombuffer(self._pixels, np.uint8, 3 * height * width, int(self._starts[n]))
        return flat.reshape(height, width, 3)


@dataclass(frozen=True, kw_only=True)
class PackedClip:
    """What the index says of one clip.

    Attributes:
        shapes: (height, width) of each picture.
        facts: what else a `Clip` has for each picture, by its name there: its square, say.
        checksum: CRC-32 of the clip's bytes.
    """

    name: str
    shapes: list[tuple[int, int]]
    facts: dict[str, list[Any]]
    checksum: int

    @property
    def size(self) -> int:
        """Bytes of its pixels."""
        return sum(3 * height * width for height, width in self.shapes)

    @classmethod
    def written(cls, clip: Clip, file: BinaryIO) -> "PackedClip":
        """Append the clip's pixels to a file."""
        checksum = 0
        for image in clip.images:
            pixels = np.ascontiguousarray(image).data
            file.write(pixels)
            checksum = zlib.crc32(pixels, checksum)
        shapes = [image.shape[:2] for image in clip.images]
        facts = {name: list(getattr(clip, name)) for name in FACTS}
        return cls(name=clip.name, shapes=shapes, facts=facts, checksum=checksum)

    def to_json(self) -> dict[str, Any]:
        facts = {name: [_plain(fact) for fact in own] for name, own in self.facts.items()}
        return {**vars(self), "facts": facts}

    @classmethod
    def from_json(cls, entry: Any) -> "PackedClip":
        """
        Raises:
            ValueError, TypeError, LookupError, DataError: not such an entry.
        """
        shapes = [(_side(height), _side(width)) for height, width in entry["shapes"]]
        facts = {name: [_fact(own) for own in entry["facts"][name]] for name in FACTS}
        if not shapes or any(len(own) not in (0, len(shapes)) for own in facts.values()):
            raise ValueError("a clip's pictures and facts differ in number")
        if len(facts["rois"]) != len(shapes) or not all(isinstance(r, Roi) for r in facts["rois"]):
            raise ValueError("a picture has no square")
        checksum, name = entry["checksum"], entry["name"]
        if type(checksum) is not int or type(name) is not str:
            raise TypeError("no checksum or name")
        return cls(name=name, shapes=shapes, facts=facts, checksum=checksum)

    def clip(self, images: PackedImages) -> Clip:
        return Clip(name=self.name, images=images, **self.facts)


def _plain(fact: Any) -> Any:
    return list(astuple(fact)) if isinstance(fact, Roi) else fact


def _fact(value: Any) -> Any:
    """A square from its four numbers, or a number."""
    if isinstance(value, list):
        return Roi(*map(_number, value))
    return _number(value)


def _number(value: Any) -> float:
    if type(value) not in (int, float):
        raise TypeError("no number")
    return value


def _side(value: Any) -> int:
    if type(value) is not int or not 0 < value < LONGEST_SIDE:
        raise ValueError("a side is no number of pixels")
    return value
