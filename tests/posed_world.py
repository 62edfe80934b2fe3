"""Clips for a decoder in a toy world: boxes or dots that move, with where they are."""

from typing import Any

import numpy as np
from toy import dotted, triangles

from train.decoder_config import DecoderConfig
from train.posed import PosedClip, PosedFootage

SIDE = 64


def tiny_decoder(**changes: Any) -> DecoderConfig:
    """Settings with which a step takes milliseconds."""
    tiny = {"size": 32, "width": 4, "batch": 2, "steps": 4, "margin": 2.0}
    return DecoderConfig(**(tiny | changes))


def dot_clips(count: int = 2, frames: int = 6, *, still: bool = True) -> PosedFootage:
    """Clips of three coloured dots, which `toy.found_dots` finds again."""
    rng = np.random.default_rng(4)
    clips = []
    for number in range(count):
        points = (triangles(frames, rng) + 1) * SIDE / 2 - 0.5
        images = [dotted(own, (SIDE, SIDE)) for own in points]
        clips.append(PosedClip(f"dots-{number}", images, points.astype(np.float32), still))
    return PosedFootage(tuple(clips))
