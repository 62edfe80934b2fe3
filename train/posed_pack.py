"""Posed footage kept on disk, so that a run that goes on need not read its videos again.

As in `train.pack`: `posed-KEY.pixels` holds the pictures' bytes one behind the other, to be mapped
into memory; `posed-KEY.npz` their shapes and keypoints, a checksum, and what they were made from.
KEY stands for the videos' paths, the tracker's file and the settings.
"""

import hashlib
import json
import logging
import mmap
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engines.engine import Engine
from engines.errors import DataError
from train.decoder_config import DecoderConfig
from train.pack import locked, sources_of
from train.packed_clip import PackedImages
from train.posed import PosedClip, PosedFootage, load_posed
from train.videos import find_videos

log = logging.getLogger(__name__)
FORMAT = 1  # of the files, and of how frames are kept: a change makes old packs unused
_DAMAGE = (OSError, ValueError, LookupError, TypeError, EOFError, zipfile.BadZipFile)


def packed_posed(
    paths: Sequence[Path], engine: Engine, model: Path, config: DecoderConfig, folder: Path
) -> PosedFootage:
    """What `train.posed.load_posed` gives, through a pack in `folder`.

    The pack is made where there is none, and anew where a source has changed or it is damaged.

    Args:
        model: the tracker's file, which `engine` runs.

    Raises:
        DataError: nothing to learn from, or the folder cannot be written.
    """
    videos = find_videos(paths)
    tracker = hashlib.sha256(model.read_bytes()).hexdigest()
    names = [str(video.resolve()) for video in videos]
    settings = [FORMAT, tracker, config.size, config.margin, config.most_frames, names]
    key = hashlib.sha256(json.dumps(settings).encode()).hexdigest()[:16]
    pixels, index = (folder / f"posed-{key}.{kind}" for kind in ("pixels", "npz"))
    made_from = json.dumps(sources_of(videos))
    with locked(folder):
        footage = _opened(pixels, index, made_from)
        if footage is None:
            _write(load_posed(paths, engine, config), pixels, index, made_from)
            footage = _opened(pixels, index, made_from)
            assert footage is not None
    log.info("%s: %d frames, %.0f MB", pixels, len(footage), pixels.stat().st_size / 1e6)
    return footage


def _opened(pixels: Path, index: Path, made_from: str) -> PosedFootage | None:
    """The footage of a pack that is whole and of today's sources, else None."""
    try:
        with np.load(index, allow_pickle=False) as table, pixels.open("rb") as file:
            if str(table["sources"]) != made_from:
                log.info("%s: made anew, as a video or picture has changed", pixels)
                return None
            mapped = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
            if zlib.crc32(mapped) != int(table["checksum"]):
                raise ValueError("the checksum differs")
            return _footage(mapped, table)
    except FileNotFoundError:
        return None
    except _DAMAGE as error:
        log.info("%s: made anew, as it is damaged (%s)", pixels, error)
        return None


def _footage(mapped: memoryview, table: Any) -> PosedFootage:
    shapes, points = table["shapes"].tolist(), table["points_px"]
    clips, first, byte = [], 0, 0
    facts = zip(table["names"].tolist(), table["counts"], table["still"], strict=True)
    for name, count, still in facts:
        own = [(height, width) for height, width in shapes[first : first + count]]
        clips.append(
            PosedClip(
                name=name,
                images=PackedImages(mapped, byte, own),
                points_px=points[first : first + count],
                still=bool(still),
            )
        )
        first += int(count)
        byte += sum(3 * height * width for height, width in own)
    if byte != len(mapped) or first != len(points):
        raise ValueError("pictures and keypoints differ in number")
    return PosedFootage(tuple(clips))


def _write(footage: PosedFootage, pixels: Path, index: Path, made_from: str) -> None:
    """A kill leaves no index."""
    fresh = [path.with_name(path.name + ".new") for path in (pixels, index)]
    checksum = 0
    try:
        with fresh[0].open("wb") as file:
            for clip in footage.clips:
                for image in clip.images:
                    content = np.ascontiguousarray(image).data
                    file.write(content)
                    checksum = zlib.crc32(content, checksum)
        with fresh[1].open("wb") as file:
            np.savez(
                file,
                sources=np.array(made_from),
                checksum=np.array(checksum),
                names=np.array([clip.name for clip in footage.clips]),
                counts=np.array([len(clip.images) for clip in footage.clips]),
                still=np.array([clip.still for clip in footage.clips]),
                shapes=np.array([i.shape[:2] for clip in footage.clips for i in clip.images]),
                points_px=np.concatenate([clip.points_px for clip in footage.clips]),
            )
        index.unlink(missing_ok=True)
        for new, path in zip(fresh, (pixels, index), strict=True):
            new.replace(path)
    except OSError as error:
        raise DataError(f"{pixels}: cannot be written ({error.strerror})") from error
    finally:
        for new in fresh:
            new.unlink(missing_ok=True)
