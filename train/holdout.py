"""Footage in two parts: what is learnt from, and what is held out to judge by."""

import numpy as np

from train.videos import Clip, Footage

LEAST = 0.5  # of the share wanted: if whole clips cannot make up as much, ends of clips are taken


def hold_out(footage: Footage, share: float, seed: int) -> tuple[Footage, Footage | None]:
    """The footage to learn from, and about `share` of its frames taken away from it.

    Neighbouring frames look alike, so frames are never taken singly: of many clips some are taken
    whole, chosen by `seed`; of a few clips the last part of each. None where there is too little.
    """
    wanted = share * len(footage)
    order = np.random.default_rng(seed).permutation(len(footage.clips))
    chosen: set[int] = set()
    count = 0
    for number in order.tolist():
        frames = len(footage.clips[number].images)
        if count + frames <= wanted:
            chosen.add(number)
            count += frames
    if count and count >= LEAST * wanted:
        clips = list(enumerate(footage.clips))
        learnt = Footage(tuple(clip for number, clip in clips if number not in chosen))
        return learnt, Footage(tuple(clip for number, clip in clips if number in chosen))
    return _without_ends(footage, share)


def _without_ends(footage: Footage, share: float) -> tuple[Footage, Footage | None]:
    learnt, held = [], []
    for clip in footage.clips:
        cut = len(clip.images) - round(share * len(clip.images))
        learnt.append(Clip(clip.name, clip.images[:cut], clip.rois[:cut]))
        if cut < len(clip.images):
            held.append(Clip(clip.name, clip.images[cut:], clip.rois[cut:]))
    return (Footage(tuple(learnt)), Footage(tuple(held))) if held else (footage, None)
