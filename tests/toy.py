"""A toy world to train in: tiny networks, a video of coloured dots, poses that look like it."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from engines.geometry import Image, Roi
from engines.skeleton import Limb, Skeleton
from train.config import Config
from train.prior import Prior
from train.videos import Clip, Footage

TRIANGLE = Skeleton(
    name="triangle",
    keypoints=("left", "right", "top"),
    limbs=(Limb("outline", "#ffffff", (0, 1, 2), closed=True),),
    mirror=((0, 1),),
)
BLUR_PX = 2.5  # of a dot, standard deviation


def tiny_config(**changes: Any) -> Config:
    """The compact preset, shrunk until a step takes milliseconds."""
    tiny: dict[str, Any] = {
        "size": 32,
        "stem": 1,
        "encoder_width": 4,
        "regressor_width": 4,
        "decoder_width": 4,
        "critic_width": 4,
        "batch": 2,
        "pool": 4,
        "steps": 6,
        "pretrain_steps": 6,
        "rounds": 1,
        "distil_steps": 6,
        "distil_batch": 2,
        "tracker_size": 32,
        "perceptual": "filters",
    }
    return Config.of_preset("compact").with_changes(**(tiny | changes))


def dotted(places: NDArray[Any], size: tuple[int, int]) -> Image:
    """A black picture with a soft dot at each of three places (3, 2): one blue, green and red."""
    y, x = np.mgrid[: size[1], : size[0]].astype(np.float64)
    gaps2 = [(x - px) ** 2 + (y - py) ** 2 for px, py in places]
    dots = [255 * np.exp(-gap2 / (2 * BLUR_PX**2)) for gap2 in gaps2]
    return np.stack(dots, axis=-1).round().astype(np.uint8)


def found_dots(crop: Image) -> NDArray[np.float64]:
    """(3, 2) crop space: where the dots of a crop are, in whatever light."""
    places = []
    for channel in np.moveaxis(crop.astype(np.float64), -1, 0):
        low, high = channel.min(), channel.max()
        weight = np.clip(channel - (low + high) / 2, 0, None)
        y, x = np.nonzero(weight)
        weight = weight[y, x]
        places.append((x @ weight / weight.sum(), y @ weight / weight.sum()))
    return (2 * np.array(places) + 1) / len(crop) - 1


def triangles(count: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Poses (count, 3, 2) in crop space: upright triangles about the middle."""
    upright = np.array([[-0.4, 0.3], [0.4, 0.3], [0.0, -0.4]])
    return (upright + rng.normal(0, 0.05, (count, 3, 2))).astype(np.float32)


def toy_prior(count: int = 20) -> Prior:
    return Prior(triangles(count, np.random.default_rng(5)), TRIANGLE)


def toy_footage(frames: int = 8, side: int = 64) -> Footage:
    """One clip whose dots are triangles of the prior's kind, in square frames."""
    roi = Roi.of_frame(side, side)
    poses = triangles(frames, np.random.default_rng(6))
    images = [dotted((pose + 1) * side / 2 - 0.5, (side, side)) for pose in poses]
    return Footage((Clip("dots", images, [roi] * frames),))


def write_video(path: Path, frames: list[Image]) -> Path:
    height, width = frames[0].shape[:2]
    codec = cv2.VideoWriter.fourcc(*("MJPG" if path.suffix == ".avi" else "mp4v"))
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, codec, 25, (width, height))
    assert writer.isOpened()
    for frame in frames:
        writer.write(frame)
    writer.release()
    return path


def write_prior(path: Path, poses: NDArray[np.float32], skeleton: Skeleton, side: int) -> Path:
    """Poses in crop space as a keypoint table of square frames."""
    columns = [f"{name}_{axis}" for name in skeleton.keypoints for axis in "xy"]
    rows = [",".join(["width", "height", *columns])]
    for pose in (poses + 1) * side / 2 - 0.5:
        rows.append(",".join([str(side), str(side), *(f"{v:.3f}" for v in pose.ravel())]))
    path.write_text("\n".join(rows) + "\n")
    return path


def write_skeleton(path: Path, skeleton: Skeleton) -> Path:
    """The skeleton as a TOML file."""
    limb = skeleton.limbs[0]
    path.write_text(
        f'name = "{skeleton.name}"\nkeypoints = {list(skeleton.keypoints)}\n'
        f"mirror = {[list(pair) for pair in skeleton.mirror]}\n"
        f'[[limbs]]\nname = "{limb.name}"\ncolor = "{limb.color}"\n'
        f"path = {list(limb.path)}\nclosed = {str(limb.closed).lower()}\n"
    )
    return path


def same(a: Any, b: Any) -> bool:
    """Whether two nests of tensors and plain values are equal to the bit."""
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return bool(a == b)
