"""Batches of crops from footage, made ahead in a thread of their own."""

import os
import queue
import threading
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engines.geometry import Image, Roi, crop, to_crop, to_frame
from train.config import Config
from train.videos import Footage

T = TypeVar("T")
MOST_MAKERS = 8
BEND_KNOTS = 5  # per side, of the grid a picture is bent by


@dataclass(frozen=True, eq=False)
class Batch:
    """B training samples; pictures are (B, S, S, 3) uint8 BGR.

    Attributes:
        frames: x, frames under a random roi each.
        others: x', another frame of the same clip under a roi of its own.
        moved: the frames x once more, under a third roi, bent, their light changed, some then
            mirrored.
        origin: (B, S, S, 2) float32, for each pixel of `moved` before the mirror the place in
            `frames`' crop space that it shows.
        mirrored: (B,) bool, which of `moved` are mirrored.
    """

    frames: NDArray[np.uint8]
    others: NDArray[np.uint8]
    moved: NDArray[np.uint8]
    origin: NDArray[np.float32]
    mirrored: NDArray[np.bool_]

    @property
    def has_moved(self) -> bool:
        return len(self.moved) > 0


def draw_batch(
    footage: Footage,
    config: Config,
    rng: np.random.Generator,
    *,
    any_turn: bool,
    part: slice = slice(None),
) -> Batch:
    """One batch, or the samples of it that `part` names; the same generator gives the same batch.

    Each sample has random numbers of its own, so a part costs a part of the work. `moved` is left
    empty where the configuration has no use for it.
    """
    own = rng.spawn(config.batch)[part]
    size, count = config.size, len(own)
    frames, others, moved = (np.empty((count, size, size, 3), np.uint8) for _ in range(3))
    use_moved = config.equivariance_weight > 0
    origin = np.empty((count, size, size, 2), np.float32)
    mirrored = np.empty(count, np.bool_)
    for n, luck in enumerate(own):
        mirrored[n] = config.mirror and luck.random() < 0.5
        clip, i, j = footage.pair(luck, config.window)
        here, there, away = (
            random_roi(clip.rois[k], config, luck, any_turn=any_turn) for k in (i, i, j)
        )
        crop(clip.images[i], here, size, out=frames[n])
        crop(clip.images[j], away, size, out=others[n])
        if not use_moved:
            continue
        crop(clip.images[i], there, size, out=moved[n])
        shown = bent(size, config.bend, luck)
        moved[n] = relit(resampled(moved[n], shown), luck)
        origin[n] = to_crop(to_frame(shown, there), here)
        if mirrored[n]:
            moved[n] = moved[n][:, ::-1]
    used = slice(count if use_moved else 0)
    return Batch(frames, others, moved[used], origin[used], mirrored[used])


def random_roi(roi: Roi, config: Config, rng: np.random.Generator, *, any_turn: bool) -> Roi:
    """`roi` at the configured zoom, under the random similarity that the prior is drawn with."""
    angle = rng.uniform(-np.pi, np.pi) if any_turn else rng.normal(0, config.turn)
    size = roi.size * config.zoom * float(np.exp(rng.normal(0, config.scale)))
    dx, dy = rng.normal(0, config.shift, 2) * size / 2
    return Roi(roi.x + dx, roi.y + dy, size, roi.angle + float(angle))


def bent(size: int, bend: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """A smooth random deformation of a crop: (size, size, 2), where each pixel looks.

    Displacements N(0, bend) on a coarse grid, interpolated by cubics; 0 gives the identity.
    """
    line = (np.arange(size, dtype=np.float32) * 2 + 1) / size - 1
    places = np.stack(np.meshgrid(line, line), axis=-1)
    if bend == 0:
        return places
    knots = rng.normal(0, bend, (BEND_KNOTS, BEND_KNOTS, 2)).astype(np.float32)
    return places + cv2.resize(knots, (size, size), interpolation=cv2.INTER_CUBIC)


def resampled(image: Image, shown: NDArray[np.float32]) -> Image:
    """(S, S, 3) -> (S, S, 3): each pixel takes what is at `shown` (S, S, 2), crop space."""
    place = (shown + 1) * (len(image) / 2) - 0.5
    taken = cv2.remap(image, place, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(taken, np.uint8)


def relit(image: Image, rng: np.random.Generator) -> Image:
    """The picture in another light: contrast, brightness and colour cast, sometimes blurred."""
    gain = rng.uniform(0.7, 1.3) * rng.uniform(0.9, 1.1, 3)
    lift = rng.uniform(-30, 30)
    lit = np.clip((image - 127.5) * gain + (127.5 + lift), 0, 255).astype(np.uint8)
    if rng.random() < 0.2:
        lit = np.asarray(cv2.GaussianBlur(lit, (3, 3), rng.uniform(0.4, 1.0)), np.uint8)
    return lit


def tensor(pictures: NDArray[np.uint8], device: torch.device) -> Tensor:
    """(B, S, S, 3) uint8 BGR -> (B, 3, S, S) float RGB in [-1, 1], channels last in memory."""
    raw = torch.from_numpy(pictures)
    if device.type == "cuda":
        raw = raw.pin_memory().to(device, non_blocking=True)  # the loop need not wait
    return raw.flip(-1).permute(0, 3, 1, 2).float().div_(127.5).sub_(1)


def makers() -> int:
    """How many threads make batches: one beside a CPU's networks, which need the cores; on a GPU
    machine this rank's share of the cores, so that the GPU does not wait."""
    if not torch.cuda.is_available():
        return 1
    ranks = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    return max(1, min(MOST_MAKERS, (os.cpu_count() or 1) // ranks - 1))


def ahead(
    make: Callable[[int], T], start: int, stop: int, depth: int = 4, threads: int = 1
) -> Iterator[T]:
    """make(start), …, make(stop - 1) in this order, made in background threads.

    Each of the `threads` makes every so many-th, up to `depth` ahead. An exception in a thread is
    raised here in its turn; leaving the loop early ends the threads.
    """
    count = max(1, min(threads, stop - start))
    lines = [_line(make, range(first, stop, count), depth) for first in range(start, start + count)]
    try:
        for number in range(start, stop):
            yield next(lines[(number - start) % count])
    finally:
        for line in lines:
            line.close()


def _line(make: Callable[[int], T], numbers: range, depth: int) -> Generator[T, None, None]:
    """make(number) for each of `numbers`, by one thread that begins when the first is asked for."""
    ready: queue.Queue[T | BaseException] = queue.Queue(depth)
    ended = threading.Event()

    def put(item: T | BaseException) -> None:
        while not ended.is_set():
            try:
                return ready.put(item, timeout=0.1)
            except queue.Full:
                continue

    def work() -> None:
        try:
            for number in numbers:
                if ended.is_set():
                    return
                put(make(number))
        except BaseException as error:  # noqa: BLE001  raised again in the owner
            put(error)

    thread = threading.Thread(target=work, name="batches", daemon=True)
    thread.start()
    try:
        for _ in numbers:
            item = ready.get()
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        ended.set()
        thread.join()
