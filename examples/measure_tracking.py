"""How well and how fast faces are followed: python examples/measure_tracking.py CLIPS --shots 40

CLIPS is a folder of videos of talking heads. Heads are cut from them and pasted at random places,
sizes and turns on moving backgrounds, with cuts and occlusions; `examples/pasted.py` makes the
scenes. A frame is right if the pose lies within RIGHT of what the same model finds in the clip
itself. --film VIDEO, of anything but faces, is one more background.
"""

import argparse
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import radians
from pathlib import Path
from time import perf_counter

import numpy as np
from pasted import FRAME_NS, Course, Head, backgrounds, film_of, heads, paste

from engines import load
from engines.geometry import Image, Points, to_frame
from realtime.frame import Frame, Pose
from realtime.tracker import Tracker

RIGHT = 0.1  # mean distance of keypoints from the truth, in sides of its box
SHOT = 60  # frames with a face in a shot, half of them before an occlusion
HIDDEN = (3, 25)  # frames an occlusion may last
COMPANY = 3  # at most, in scenes of several


@dataclass(frozen=True, eq=False)
class Moment:
    """One frame of a scene, the true poses in it, and whether they have just come into view."""

    image: Image
    truths: tuple[Points, ...]
    fresh: bool


@dataclass
class Score:
    """What became of the frames so far."""

    faces: int = 0
    right: int = 0
    wrong: int = 0
    ghosts: int = 0  # frames in which a face was followed that was not there
    empty: int = 0
    switches: int = 0
    errors: list[float] = field(default_factory=list)
    waits: list[int] = field(default_factory=list)
    never: int = 0
    ms: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))


def shots(
    found: Sequence[Head], film: Sequence[Image], count: int, most_turned: float, seed: int
) -> Iterator[Moment]:
    """One face at a time: half a shot, hidden, and the other half, every other time elsewhere."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        head = found[int(rng.integers(len(found)))]
        course, ground = Course.random(rng, most_turned), backgrounds(rng, film)
        back = course if rng.random() < 0.5 else Course.random(rng, most_turned)
        for t in range(SHOT // 2):
            yield _pasted(next(ground), [(head, course)], t)
        for _ in range(int(rng.integers(*HIDDEN))):
            yield Moment(next(ground), (), fresh=False)
        for t in range(SHOT // 2, SHOT):
            yield _pasted(next(ground), [(head, back)], t)


def company(
    found: Sequence[Head], film: Sequence[Image], count: int, seed: int
) -> Iterator[Moment]:
    """Two or three faces side by side, and the frame's edge comes near none of them."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        many = int(rng.integers(2, COMPANY + 1))
        cast = [found[int(own)] for own in rng.choice(len(found), many, replace=False)]
        courses, ground = Course.beside(rng, many), backgrounds(rng, film)
        for t in range(2 * SHOT):
            yield _pasted(next(ground), list(zip(cast, courses, strict=True)), t)


def _pasted(image: Image, cast: Sequence[tuple[Head, Course]], t: int) -> Moment:
    truths = []
    for head, course in cast:
        number, roi = t % len(head.images), course.roi(head, t)
        paste(image, head.images[number], roi)
        truths.append(to_frame(head.points[number], roi))
    return Moment(image, tuple(truths), fresh=t % (SHOT // 2) == 0)


def follow(tracker: Tracker, moments: Iterator[Moment]) -> Score:
    """Track the scenes; each subject's wait and switches are counted from its coming into view."""
    score = Score()
    waits: list[int | None] = []
    ids: list[int | None] = []
    for index, moment in enumerate(moments):
        started = perf_counter()
        pose = tracker.track(Frame(moment.image, index, index * FRAME_NS))
        score.ms[pose.state.value].append((perf_counter() - started) * 1e3)
        if moment.fresh and (len(moment.truths) == 1 or index % (2 * SHOT) == 0):
            score.never += sum(wait is not None for wait in waits)
            waits, ids = [0] * len(moment.truths), [None] * len(moment.truths)
        score.empty += not moment.truths
        score.ghosts += bool(not moment.truths and pose.subjects)
        for number, truth in enumerate(moment.truths):
            own = _nearest(truth, pose)
            _count(score, truth, own)
            is_right = own is not None and _error(truth, own) < RIGHT
            wait = waits[number]
            if wait is not None:
                waits[number] = None if is_right else wait + 1
                score.waits += [wait + 1] if is_right else []
            if is_right and own is not None:
                score.switches += ids[number] not in (None, own.id)
                ids[number] = own.id
    score.never += sum(wait is not None for wait in waits)
    return score


def _nearest(truth: Points, pose: Pose) -> Pose | None:
    return min(pose.subjects, key=lambda own: _error(truth, own), default=None)


def _error(truth: Points, pose: Pose) -> float:
    assert pose.raw_px is not None
    side = float(np.ptp(truth, axis=0).max())
    return float(np.linalg.norm(pose.raw_px - truth, axis=1).mean()) / side


def _count(score: Score, truth: Points, pose: Pose | None) -> None:
    score.faces += 1
    if pose is not None and (error := _error(truth, pose)) < 1:
        score.errors.append(error)
        score.right += error < RIGHT
        score.wrong += error >= RIGHT


def false_tracks(tracker: Tracker, film: Sequence[Image], frames: int, seed: int) -> list[int]:
    """Lengths of the tracks in scenes of 50 frames each without any face."""
    rng, lengths = np.random.default_rng(seed), []
    for start in range(0, frames, 50):
        tracker.reset()
        before = False
        for index, image in zip(range(start, start + 50), backgrounds(rng, film), strict=False):
            found = bool(tracker.track(Frame(image, index, index * FRAME_NS)).subjects)
            if found:
                lengths = lengths if before else [*lengths, 0]
                lengths[-1] += 1
            before = found
    return lengths


def tell(title: str, score: Score) -> None:
    p50, p90 = np.percentile(score.errors, (50, 90)) if score.errors else (np.nan, np.nan)
    print(title)
    right, wrong = score.right / score.faces, score.wrong / score.faces
    print(f"  tracked and right  {right:.1%} of {score.faces} faces in frames")
    print(f"  tracked wrong      {wrong:.1%}; identities changed: {score.switches}")
    print(f"  error              p50 {p50:.3f}, p90 {p90:.3f} of the pose's box")
    if score.waits:
        waits = np.percentile(score.waits, (50, 90, 100)).round().astype(int).tolist()
        some = f"p50 {waits[0]}, p90 {waits[1]}, max {waits[2]} frames"
        print(f"  until found        {some}; never: {score.never}")
    if score.empty:
        print(f"  followed nothing   in {score.ghosts} of {score.empty} frames of occlusions")
    for state, ms in sorted(score.ms.items()):
        half, most = np.percentile(ms, (50, 99))
        print(f"  {state:<8} ms        p50 {half:.2f}, p99 {most:.2f}, n {len(ms)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clips", type=Path)
    parser.add_argument("-m", "--model", default="face68")
    parser.add_argument("--film", type=Path, help="a video without faces")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--shots", type=int, default=40)
    parser.add_argument("--turned", type=float, default=60.0, help="degrees, at most")
    parser.add_argument("--company", type=int, default=10, help="scenes of two or three faces")
    parser.add_argument("--empty", type=int, default=1000, help="frames without a face")
    own = parser.parse_args()
    engine = load(own.model, "cpu")
    clips = sorted(path for path in own.clips.iterdir() if path.is_file())
    found, film = heads(clips, engine), film_of(own.film) if own.film else []
    print(f"{len(found)} heads of {len(clips)} clips; seed {own.seed}")
    turned = radians(own.turned)
    score = follow(Tracker(engine, smooth=False), shots(found, film, own.shots, turned, own.seed))
    tell(f"one face, turned by up to {own.turned:g} degrees", score)
    if own.company:
        several = Tracker(engine, smooth=False, max_subjects=COMPANY)
        score = follow(several, company(found, film, own.company, own.seed))
        tell(f"two or three faces, up to {COMPANY} followed", score)
    if own.empty:
        lengths = false_tracks(Tracker(engine), film, own.empty, own.seed)
        print(f"no face: {len(lengths)} false tracks, {sum(lengths)} of {own.empty} frames")


if __name__ == "__main__":
    main()
