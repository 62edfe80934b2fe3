"""From videos to footage: every frame read once, its subject's square found, kept small."""

import logging
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Literal, TypeAlias, cast

from tqdm import tqdm

from engines.errors import DataError
from engines.geometry import Image, Roi
from train.motion import located, something_roams
from train.prior import Framing
from train.videos import Clip, Footage, find_videos, read_frames, reduced, whole

log = logging.getLogger(__name__)
RoiMode: TypeAlias = Literal["auto", "frame", "motion"]
Mode: TypeAlias = Literal["frame", "motion"]
REACH = 2.0  # what is kept round a subject's square, times its side


def load_footage(
    paths: Sequence[Path],
    mode: RoiMode | Roi,
    side: int,
    keep: Callable[[Clip], Clip] = lambda clip: clip,
) -> tuple[Footage, Framing]:
    """Read all clips under `paths`; see `train.pack` for doing so once.

    Args:
        mode: "frame" takes each frame's covering square as the subject's; "motion" looks for the
            one thing that moves, before a fixed camera or a moving one; "auto" takes motion if
            something small is found to roam in most clips, else the frame; a square is the
            subject's in all frames of all clips, as if the videos had been cropped to it.
        side: pixels a subject's square is kept at.
        keep: what becomes of each clip as soon as it is read.

    Returns:
        The footage, and how poses must be framed to match: "pose" for motion, else "frame".

    Raises:
        DataError: nothing to read, or no clip with two frames.
    """
    videos = find_videos(paths)
    chosen = _choose(videos, mode)
    clips, faults = [], []
    single = len(videos) == 1
    for video in tqdm(videos, "reading videos", unit="clip", dynamic_ncols=True, disable=single):
        try:
            clips.append(keep(_load_clip(video, chosen, side)))
        except DataError as error:
            faults.append(error)
            if not single:
                log.warning("left out: %s", error)
    if not any(len(clip.images) > 1 for clip in clips):
        if single and faults:
            raise faults[0]
        raise DataError(f"nothing to learn from: no clip among {_names(paths)} has two frames")
    return Footage(tuple(clips)), "pose" if chosen == "motion" else "frame"


def _choose(videos: Sequence[Path], mode: RoiMode | Roi) -> Mode | Roi:
    if mode != "auto":
        return mode
    votes = [something_roams(video) for video in videos[:: max(1, len(videos) // 5)][:5]]
    if all(vote is None for vote in votes):
        return "frame"  # none can be read, as will be said
    chosen: Mode = "motion" if votes.count(True) * 2 > len(votes) else "frame"
    reason = {
        "motion": "something small roams: following it (--roi motion)",
        "frame": "the subject is taken to fill the frame (--roi frame)",
    }
    log.info("%s", reason[chosen])
    return chosen


def _load_clip(video: Path, mode: Mode | Roi, side: int) -> Clip:
    clip = Clip(video.name, [], [])
    for number, (frame, roi) in enumerate(_located(video, mode)):
        if roi is not None:
            image, placed = reduced(frame, roi, side, REACH)
            clip.images.append(image)
            clip.rois.append(placed)
            clip.places.append(roi)
            clip.numbers.append(number)
    if not clip.images:
        raise DataError(f"{video}: no subject found in any frame")
    return clip


def _located(video: Path, mode: Mode | Roi) -> Iterator[tuple[Image, Roi | None]]:
    """Each frame of a clip with the square that holds the subject."""
    if mode == "motion":
        yield from located(video)
        return
    box = mode if isinstance(mode, Roi) else None
    for frame in read_frames(video):
        if box is not None and not _holds(frame, box):
            raise DataError(
                f"{video}: the middle of --roi {roi_text(box)} lies outside its frames of "
                f"{frame.shape[1]} x {frame.shape[0]} pixels"
            )
        yield frame, box or whole(frame)


def _holds(frame: Image, box: Roi) -> bool:
    height, width = frame.shape[:2]
    return 0 <= box.x <= width - 1 and 0 <= box.y <= height - 1


def read_roi(text: str) -> RoiMode | Roi:
    """`auto`, `frame`, `motion`, or X,Y,SIZE: a square by its top-left pixel and its side.

    Raises:
        DataError: it is none of these.
    """
    if text in ("auto", "frame", "motion"):
        return cast(RoiMode, text)
    try:
        left, top, size = map(float, text.split(","))
        return Roi(left + (size - 1) / 2, top + (size - 1) / 2, size)
    except (ValueError, DataError):
        raise DataError(
            f"--roi {text}: use auto, frame, motion, or X,Y,SIZE in pixels of the video, as "
            "320,40,256: the left and top edge and the side of the subject's square"
        ) from None


def roi_text(roi: RoiMode | Roi) -> str:
    """What `read_roi` reads."""
    if isinstance(roi, Roi):
        return f"{roi.x - (roi.size - 1) / 2:g},{roi.y - (roi.size - 1) / 2:g},{roi.size:g}"
    return roi


def _names(paths: Sequence[Path]) -> str:
    return ", ".join(map(str, paths))
