"""Correcting where found poses lie in the frame by what the prior says of place and shape together.

What a discriminator sees of a pose's place is blurred by the random similarities that pictures and
poses are drawn under, so an encoder may let a pose slide as it turns: everything moves with the
subject and looks like a pose, yet all of it lies beside the subject a little. Taken over all frames
the slide shows: prior poses that are shaped alike lie elsewhere in their pictures.
"""

import numpy as np
from numpy.typing import NDArray

from engines.geometry import Roi, to_crop, to_frame
from train.prior import Prior
from train.pseudo import PseudoLabels
from train.shapes import Shapes, as_complex, as_points
from train.videos import Footage

LEAST_CLIPS = 30  # fewer subjects are no sample: one may always stand on the left
READ = 0.75  # a mode of shape counts if the found poses vary in it by this share of the prior
MODES = 4  # at most
STEEP = 0.25  # of the first mode's spread: over less, a slope is mostly chance


def laid(labels: PseudoLabels, footage: Footage, prior: Prior, zoom: float) -> PseudoLabels:
    """The same labels, corrected where that can be known: the prior's poses lie in pictures framed
    as the footage is, and there are many clips."""
    if prior.framing != "frame" or len(footage.clips) < LEAST_CLIPS:
        return labels
    bases = [[Roi(r.x, r.y, r.size * zoom, r.angle) for r in clip.rois] for clip in footage.clips]
    poses = [
        to_crop(points, base)
        for clip, own in zip(labels.points_px, bases, strict=True)
        for points, base in zip(clip, own, strict=True)
    ]
    trusted = np.isfinite(np.concatenate(labels.doubt))
    if trusted.sum() < LEAST_CLIPS:
        return labels
    fixed = iter(calibrated(np.stack(poses), prior, trusted))
    points = [np.stack([to_frame(next(fixed), base) for base in own]) for own in bases]
    return PseudoLabels(points, labels.doubt)


def calibrated(
    poses: NDArray[np.float32], prior: Prior, trusted: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Found poses (N, K, 2), base crop, each moved, scaled and turned so that on average poses of
    one shape lie as the prior's poses of that shape do, their common middle left where it is.

    A linear regression of place on shape, for the found poses that are `trusted` (N,) and for the
    prior; the difference is taken off all. Only modes of shape that the found poses vary in like
    the prior are used, and only wide ones: a regression on what is hardly read, or hardly varies,
    would be noise.
    """
    wanted, found = as_complex(prior.poses), as_complex(poses)
    shapes = Shapes.of(wanted, list(prior.skeleton.flipped), MODES)
    lies, shaped = shapes.read(found)
    used = shaped[trusted].std(axis=0) >= READ * shapes.spread
    used &= shapes.spread >= STEEP * shapes.spread[0]
    gap = _regression(lies[trusted], shaped[trusted], shapes, used)
    gap -= _regression(*shapes.read(wanted), shapes, used)
    middle = shaped[trusted][:, used].mean(axis=0)
    change = (shaped[:, used] - middle) @ gap[:-1]  # (N, 4)
    x, y, size, angle = change.T
    centre = found.mean(axis=1, keepdims=True)
    radius = np.exp(lies[:, 2])[:, None]
    turned = (found - centre) * np.exp(-size - 1j * angle)[:, None]
    moved = centre + turned - radius * (x + 1j * y)[:, None]
    return as_points(moved)


def _regression(
    lies: NDArray[np.float64],
    shaped: NDArray[np.float64],
    shapes: Shapes,
    used: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Coefficients (modes + 1, 4) of place on shape, of the poses and their mirror images."""
    mirror = np.array([-1, 1, 1, -1])
    left = np.concatenate([shaped[:, used], shaped[:, used] * shapes.odd[used]])
    left = np.column_stack([left, np.ones(len(left))])
    solution = np.linalg.lstsq(left, np.concatenate([lies, lies * mirror]), rcond=None)[0]
    return np.asarray(solution)
