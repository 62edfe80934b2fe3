"""COCO keypoints: a data set's annotations as poses."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from engines.errors import DataError
from engines.skeleton import Skeleton
from train.foreign import order, table
from train.tables import Table


def read_coco(path: Path, skeleton: Skeleton) -> Table:
    """Read the annotations of the category that has keypoints, crowds left out.

    Points of visibility 0 are missing. Pictures are named as in the file, with their sizes.

    Raises:
        DataError: not such a file, with several such categories, or with other keypoints.
    """
    try:
        with path.open(encoding="utf-8") as file:
            data = json.load(file)
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path}: not readable JSON ({error})") from error
    try:
        return _read(path, data, skeleton)
    except (KeyError, TypeError, ValueError, IndexError, OverflowError) as error:
        raise DataError(f"{path}: not a data set of COCO keypoints ({error!r})") from error


def _read(path: Path, data: Any, skeleton: Skeleton) -> Table:
    kinds = [own for own in data["categories"] if own.get("keypoints")]
    if len(kinds) > 1:
        kinds = [own for own in kinds if set(own["keypoints"]) == set(skeleton.keypoints)]
    if len(kinds) != 1:
        raise DataError(f"{path}: has {len(kinds)} categories with keypoints to choose from")
    names = list(kinds[0]["keypoints"])
    chosen = order(path, names, skeleton)
    images = {own["id"]: own for own in data["images"]}
    found = [
        own
        for own in data["annotations"]
        if own["category_id"] == kinds[0]["id"] and not own.get("iscrowd")
    ]
    triples = np.array([own["keypoints"] for own in found], np.float64).reshape(-1, len(names), 3)
    points = np.where(triples[..., 2:] > 0, triples[..., :2], np.nan)[:, chosen]
    shown = [images[own["image_id"]] for own in found]
    sizes = None
    if all("width" in own and "height" in own for own in shown):
        sizes = np.array([[own["width"], own["height"]] for own in shown], np.float32)
        sizes = sizes.reshape(-1, 2)
        if not (sizes > 0).all():
            raise DataError(f"{path}: a picture's width or height is not a positive number")
    return table(path, points, images=[str(own["file_name"]) for own in shown], sizes=sizes)
