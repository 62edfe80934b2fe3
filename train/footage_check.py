"""Is the footage worth an hour? Clips that are still, cut, dark, blurred or too small."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from engines.geometry import Image, Roi, crop
from train.config import Config
from train.finding import Finding, named
from train.videos import Clip, Footage

MOST_CLIPS = 200  # looked at
MOST_FRAMES = 20_000  # of all clips together
LOOKED_AT = 24  # frames per clip whose light and sharpness are measured
THUMB = 64  # side of the pictures that are compared with each other
FEW_FRAMES = 200
DIFFERS = 6  # grey levels between two pictures' pixels that are not noise
STILL = 2e-3  # share of pixels that differ where nothing moves
CUT_LEVELS, CUT_RATIO = 18.0, 5.0  # a cut's mean difference: at least, and over the usual one
CUT_LIKENESS = 0.8  # correlation of the grey histograms across a cut, at most
FEWEST_FOR_CUTS = 8
DARK, BRIGHT = 30.0, 235.0  # mean grey
FLAT = 6.0  # standard deviation of grey
BLURRED = 0.03  # variance of the Laplacian over that of the picture


@dataclass(frozen=True, kw_only=True)
class Look:
    """What a clip looks like; grey values are 0 to 255.

    Attributes:
        moving: share of pixels that differ most between any two frames looked at.
        cuts: numbers of the frames that begin another scene.
        level, contrast: median over frames of the mean and the standard deviation of grey.
        sharpness: median variance of the Laplacian over that of the picture, at network size.
        side: median side of the network's crop in pixels of the video.
    """

    name: str
    frames: int
    moving: float
    cuts: tuple[int, ...]
    level: float
    contrast: float
    sharpness: float
    side: float


def check_footage(footage: Footage, config: Config) -> list[Finding]:
    """Faults of the clips, one finding for each kind, the clips named."""
    clips = footage.clips[:: -(-len(footage.clips) // MOST_CLIPS)]
    most = max(2 * LOOKED_AT, MOST_FRAMES // len(clips))
    looks = [look_at(clip, config, most) for clip in clips if len(clip.images) > 1]
    findings = _check_amount(footage)
    still = [look for look in looks if look.moving < STILL]
    if still:
        findings.append(_still(still, everything=len(still) == len(looks)))
    findings += _check_cuts(looks)
    moving = [look for look in looks if look not in still]
    return findings + _check_pictures(moving or looks, config.size)


def look_at(clip: Clip, config: Config, most: int) -> Look:
    """Measure a clip in at most `most` frames from its start, its light in a few of them."""
    shown = clip.images[:most]
    thumbs = np.stack([_thumb(image) for image in shown])
    chosen = np.linspace(0, len(shown) - 1, min(len(shown), LOOKED_AT)).round().astype(int)
    crops = [crop(shown[n], _zoomed(clip.rois[n], config.zoom), config.size) for n in chosen]
    greys = [cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY).astype(np.float32) for picture in crops]
    return Look(
        name=clip.name,
        frames=len(clip.images),
        moving=_moving(thumbs[chosen]),
        cuts=cuts(thumbs),
        level=float(np.median([grey.mean() for grey in greys])),
        contrast=float(np.median([grey.std() for grey in greys])),
        sharpness=float(np.median([_sharpness(grey) for grey in greys])),
        side=float(np.median([clip.rois[n].size * config.zoom for n in chosen])),
    )


def cuts(thumbs: NDArray[np.uint8]) -> tuple[int, ...]:
    """Frames (of (F, h, w) grey) that begin another scene: they differ from the frame before far
    more than frames of this clip usually do, and other shades of grey are in them."""
    if len(thumbs) < FEWEST_FOR_CUTS:
        return ()
    jump = np.abs(np.diff(thumbs.astype(np.int16), axis=0)).mean(axis=(1, 2))
    least = max(CUT_LEVELS, CUT_RATIO * float(np.median(jump)))
    far = [int(n) + 1 for n in np.flatnonzero(jump > least)]
    return tuple(n for n in far if _likeness(thumbs[n - 1], thumbs[n]) < CUT_LIKENESS)


def _likeness(one: NDArray[np.uint8], two: NDArray[np.uint8]) -> float:
    shades = [
        cv2.GaussianBlur(cv2.calcHist([grey], [0], None, [32], [0, 256]), (1, 5), 0)
        for grey in (one, two)
    ]
    return float(cv2.compareHist(*shades, cv2.HISTCMP_CORREL))


def _moving(thumbs: NDArray[np.uint8]) -> float:
    """The largest share of pixels that differ between the first, the middle and the other ones."""
    smooth = np.stack([cv2.GaussianBlur(thumb, (3, 3), 0) for thumb in thumbs]).astype(np.int16)
    anchors = smooth[[0, len(smooth) // 2]]
    return float((np.abs(smooth[None] - anchors[:, None]) > DIFFERS).mean(axis=(2, 3)).max())


def _thumb(image: Image) -> NDArray[np.uint8]:
    small = cv2.resize(image, (THUMB, THUMB), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), np.uint8)


def _zoomed(roi: Roi, zoom: float) -> Roi:
    return Roi(roi.x, roi.y, roi.size * zoom, roi.angle)


def _sharpness(grey: NDArray[np.float32]) -> float:
    return float(cv2.Laplacian(grey, cv2.CV_32F).var() / (grey.var() + 1.0))


def _check_amount(footage: Footage) -> list[Finding]:
    findings = []
    if len(footage) < FEW_FRAMES:
        findings.append(
            Finding(
                what=f"only {len(footage)} frames in all",
                remedy=f"film more: {FEW_FRAMES} is little, a few thousand are good",
            )
        )
    single = [clip.name for clip in footage.clips if len(clip.images) < 2]
    if single:
        findings.append(
            Finding(
                where=named(single),
                what="one frame only, which makes no pair with another frame of the same subject",
                remedy="put pictures of one subject into one folder",
            )
        )
    return findings


def _still(looks: Sequence[Look], *, everything: bool) -> Finding:
    return Finding(
        severity="stop" if everything else "warning",
        where=named([look.name for look in looks]),
        what="nothing moves: all frames are alike, and from one picture no pose can be learnt",
        remedy="use clips in which the subject moves",
    )


def _check_cuts(looks: Sequence[Look]) -> list[Finding]:
    cut = sorted((look for look in looks if look.cuts), key=lambda look: -len(look.cuts))
    if not cut:
        return []
    told = [f"{look.name} ({len(look.cuts)}, the first at frame {look.cuts[0]})" for look in cut]
    return [
        Finding(
            where=named(told),
            what="hard cuts to another scene: a clip must show one subject in one scene",
            remedy="split the files at their cuts",
        )
    ]


def _check_pictures(looks: Sequence[Look], size: int) -> list[Finding]:
    kinds: tuple[tuple[Callable[[Look], bool], Callable[[Look], str], str, str], ...] = (
        (
            lambda look: look.side < size,
            lambda look: f"{look.side:.0f} px",
            f"the subject is small: its square has fewer pixels than the network's {size}",
            "film from nearer or at a higher resolution, or name a tighter square with --roi",
        ),
        (
            lambda look: look.level < DARK,
            lambda look: f"mean grey {look.level:.0f}",
            "too dark",
            "add light or a longer exposure",
        ),
        (
            lambda look: look.level > BRIGHT,
            lambda look: f"mean grey {look.level:.0f}",
            "over-exposed",
            "shorten the exposure",
        ),
        (
            lambda look: look.contrast < FLAT and DARK <= look.level <= BRIGHT,
            lambda look: f"contrast {look.contrast:.1f}",
            "hardly any contrast",
            "light the subject so that it stands out from what is behind it",
        ),
        (
            lambda look: look.contrast >= FLAT and look.sharpness < BLURRED,
            lambda look: f"sharpness {look.sharpness:.3f}",
            "blurred",
            "focus the camera, or shorten the exposure where movement blurs",
        ),
    )
    findings = []
    for at_fault, figure, what, remedy in kinds:
        guilty = [f"{look.name} ({figure(look)})" for look in looks if at_fault(look)]
        if guilty:
            findings.append(Finding(where=named(guilty), what=what, remedy=remedy))
    return findings
