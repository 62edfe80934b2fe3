"""From videos to footage: every frame read once, its subject's square found, kept small."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, TypeAlias

import cv2
from tqdm import tqdm

from engines.errors import DataError
from engines.geometry import Image
from train.prior import Framing
from train.subject import Background, roams
from train.videos import Clip, Footage, find_videos, read_frames, reduced, whole

log = logging.getLogger(__name__)
RoiMode: TypeAlias = Literal["auto", "frame", "motion"]
REACH = 2.0  # what is kept round a subject's square, times its side


def load_footage(paths: Sequence[Path], mode: RoiMode, side: int) -> tuple[Footage, Framing]:
    """Read all clips under `paths`.

    Args:
        mode: "frame" takes each frame's covering square as the subject's; "motion" looks for the
            one thing that moves before a fixed camera; "auto" takes motion if something small is
            found to roam in most clips, else the frame.
        side: pixels a subject's square is kept at.

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
            clips.append(_load_clip(video, chosen, side))
        except DataError as error:
            faults.append(error)
            if not single:
                log.warning("left out: %s", error)
    if not any(len(clip.images) > 1 for clip in clips):
        if single and faults:
            raise faults[0]
        raise DataError(f"nothing to learn from: no clip among {_names(paths)} has two frames")
    return Footage(tuple(clips)), "pose" if chosen == "motion" else "frame"


def _choose(videos: Sequence[Path], mode: RoiMode) -> Literal["frame", "motion"]:
    if mode != "auto":
        return mode
    votes = [_roams(video) for video in videos[:: max(1, len(videos) // 5)][:5]]
    if all(vote is None for vote in votes):
        return "frame"  # none can be read, as will be said
    chosen: Literal["frame", "motion"] = "motion" if votes.count(True) * 2 > len(votes) else "frame"
    reason = {
        "motion": "something small roams before a fixed camera: following it (--roi motion)",
        "frame": "the subject is taken to fill the frame (--roi frame)",
    }
    log.warning("%s", reason[chosen])
    return chosen


def _roams(video: Path) -> bool | None:
    """Whether a small subject roams in a clip; None if it cannot be read."""
    try:
        frames = _sampled(video, 90)
    except DataError:
        return None
    if len(frames) < 10 or len({frame.shape for frame in frames}) > 1:
        return False
    background = Background.of(frames)
    height, width = frames[0].shape[:2]
    return roams([background.find(frame) for frame in frames], width, height)


def _sampled(video: Path, count: int) -> list[Image]:
    """About `count` frames spread over a clip."""
    every = max(1, frame_count(video) // count)
    return [frame for i, frame in enumerate(read_frames(video)) if i % every == 0]


def frame_count(video: Path) -> int:
    """How many frames a clip says it has; at least 1 where it is a file."""
    if video.is_dir():
        return sum(1 for _ in video.iterdir())
    capture = cv2.VideoCapture(str(video))
    count = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    capture.release()
    return max(count, 1)


def _load_clip(video: Path, mode: Literal["frame", "motion"], side: int) -> Clip:
    background = _background(video) if mode == "motion" else None
    clip = Clip(video.name, [], [])
    for number, frame in enumerate(read_frames(video)):
        roi = background.find(frame) if background else whole(frame)
        if roi is not None:
            image, placed = reduced(frame, roi, side, REACH)
            clip.images.append(image)
            clip.rois.append(placed)
            clip.places.append(roi)
            clip.numbers.append(number)
    if not clip.images:
        raise DataError(f"{video}: no subject found in any frame")
    return clip


def _background(video: Path) -> Background:
    frames = _sampled(video, 90)
    try:
        return Background.of(frames)
    except DataError as error:
        raise DataError(f"{video}: {error}") from error


def _names(paths: Sequence[Path]) -> str:
    return ", ".join(map(str, paths))
