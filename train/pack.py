"""The pack: footage decoded, its subjects found, cropped and reduced once, kept in two files.

`footage-KEY.pixels` holds the kept pictures' bytes one behind the other, `footage-KEY.json` their
shapes, squares and checksums, and what they were made from: every source file with its size and
time of change. KEY stands for the videos' paths and the settings. The pixels are mapped into
memory, so runs and ranks on one machine share them and nothing is decoded twice; they are raw
because a batch must be the same, bit for bit, with and without a pack.
"""

import hashlib
import json
import logging
import mmap
import os
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from engines.errors import DataError
from engines.geometry import Roi
from train.footage import RoiMode, load_footage, roi_text
from train.packed_clip import PackedClip, PackedImages
from train.prior import Framing
from train.videos import PICTURE_ENDINGS, Clip, Footage, find_videos

log = logging.getLogger(__name__)
FORMAT = 1  # of the files, and of how frames are kept: a change makes old packs unused
MOST_INDEX = 1 << 30  # bytes


def packed_footage(
    paths: Sequence[Path], mode: RoiMode | Roi, side: int, folder: Path
) -> tuple[Footage, Framing]:
    """What `train.footage.load_footage` gives, through a pack in `folder`.

    The pack is made where there is none, and made anew where a source has changed or the pack is
    damaged; the log says which, and where it lies. Checking it reads it once. Processes that want
    the same pack wait for the one that makes it.

    Raises:
        DataError: nothing to read, no clip with two frames, or the folder cannot be written.
    """
    videos = find_videos(paths)
    settings = [FORMAT, roi_text(mode), side, [str(video.resolve()) for video in videos]]
    key = hashlib.sha256(json.dumps(settings).encode()).hexdigest()[:16]
    pixels, index = (folder / f"footage-{key}.{kind}" for kind in ("pixels", "json"))
    files = sources_of(videos)
    with locked(folder):
        reason = ""
        if index.exists():
            try:
                footage, framing = _opened(pixels, index, files)
                log.info("%s: read before, %s", pixels, _extent(footage, pixels))
                return footage, framing
            except _Unusable as error:
                reason = f" anew, as {error}"
        _write(paths, mode, side, pixels, index, files)
        footage, framing = _opened(pixels, index, files)
    log.info("%s: made%s, %s", pixels, reason, _extent(footage, pixels))
    return footage, framing


def _extent(footage: Footage, pixels: Path) -> str:
    return f"{len(footage)} frames, {pixels.stat().st_size / 1e6:.0f} MB"


class _Unusable(Exception):
    """Why a pack is not used."""


def sources_of(videos: Sequence[Path]) -> list[list[str | int]]:
    """(path, size, time of change in ns) of each file that would be read."""
    files = []
    for video in videos:
        inside = sorted(video.iterdir()) if video.is_dir() else [video]
        files += [f for f in inside if f == video or f.suffix.lower() in PICTURE_ENDINGS]
    facts = [(file, file.stat()) for file in files]
    return [[str(file.resolve()), fact.st_size, fact.st_mtime_ns] for file, fact in facts]


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """One process at a time; the system lifts the lock of one that dies."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{folder}: no place for the decoded frames ({error.strerror})") from error
    try:
        import fcntl
    except ImportError:  # Windows has none; there, two at once would each make the pack
        yield
        return
    place = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(place, fcntl.LOCK_EX)
        yield
    finally:
        os.close(place)
        with suppress(OSError):
            folder.rmdir()  # where nothing came of it


def _opened(pixels: Path, index: Path, sources: list[list[str | int]]) -> tuple[Footage, Framing]:
    """The footage of a pack that is whole and of today's sources.

    Raises:
        _Unusable: it is not.
    """
    framing, clips = _index(index, sources)
    try:
        with pixels.open("rb") as file:
            mapped = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except (OSError, ValueError) as error:
        raise _Unusable("its pixels are missing") from error
    if len(mapped) != sum(clip.size for clip in clips):
        raise _Unusable("its pixels are cut short")
    made, start = [], 0
    for clip in clips:
        if zlib.crc32(mapped[start : start + clip.size]) != clip.checksum:
            raise _Unusable("its pixels are damaged")
        made.append(clip.clip(PackedImages(mapped, start, clip.shapes)))
        start += clip.size
    return Footage(tuple(made)), framing


def _index(index: Path, sources: list[list[str | int]]) -> tuple[Framing, list[PackedClip]]:
    framings: dict[str, Framing] = {"frame": "frame", "pose": "pose"}
    try:
        if index.stat().st_size > MOST_INDEX:
            raise ValueError("too large")
        table = json.loads(index.read_bytes())
        if table["sources"] != sources:
            raise _Unusable("a video or picture has changed")
        framing = framings[table["framing"]]
        clips = [PackedClip.from_json(entry) for entry in table["clips"]]
    except (OSError, ValueError, TypeError, LookupError, RecursionError, DataError) as error:
        raise _Unusable("its index is damaged") from error
    return framing, clips


def _write(
    paths: Sequence[Path],
    mode: RoiMode | Roi,
    side: int,
    pixels: Path,
    index: Path,
    sources: list[list[str | int]],
) -> None:
    """Read all videos and write the pack, a clip at a time; a kill leaves no index."""
    fresh = [path.with_name(path.name + ".new") for path in (pixels, index)]
    clips: list[PackedClip] = []

    def keep(clip: Clip) -> Clip:
        clips.append(PackedClip.written(clip, file))
        return replace(clip, images=PackedImages(memoryview(b""), 0, clips[-1].shapes))

    try:
        with fresh[0].open("wb") as file:
            _, framing = load_footage(paths, mode, side, keep=keep)
        entries = [clip.to_json() for clip in clips]
        table = {"framing": framing, "sources": sources, "clips": entries}
        fresh[1].write_text(json.dumps(table))
        index.unlink(missing_ok=True)
        for new, path in zip(fresh, (pixels, index), strict=True):
            new.replace(path)
    except OSError as error:
        raise DataError(f"{pixels}: cannot be written ({error.strerror})") from error
    finally:
        for new in fresh:
            new.unlink(missing_ok=True)
