"""COCO keypoints: a data set of the frames, and the same as results of a detector.

Visibility is 2 where a point was found, 0 where not; the edges are 1-based, as COCO has them.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from realtime.export.rows import Chunk, Rows

NAMES = "{:08d}.png"  # of the pictures, by frame number: what ffmpeg writes for %08d.png from 0


def write_coco(rows: Rows, path: Path, results: Path) -> None:
    """Every frame of the source is an image; a subject with a point in it an annotation.

    Confidences are `keypoint_scores`, beside `keypoints`, because evaluators read the third value
    of a keypoint as its visibility.
    """
    with path.open("w", encoding="utf-8") as file, results.open("w", encoding="utf-8") as found:
        info = {"description": str(rows.session.path.name), "version": rows.session.facts["keycam"]}
        file.write(f'{{"info": {_json(info)}, "licenses": [],\n"images": ')
        _write_list(file, (image for chunk in rows for image in _images(rows, chunk)))
        file.write(',\n"annotations": ')
        _write_list(file, _annotations(rows))
        file.write(f',\n"categories": [{_json(_category(rows))}]}}\n')
        _write_list(found, map(_result, _annotations(rows)))
        found.write("\n")


def _images(rows: Rows, chunk: Chunk) -> Iterator[dict[str, Any]]:
    width, height = rows.session.facts["source"]["size"]
    for number in chunk.numbers:
        yield {"id": number, "file_name": NAMES.format(number), "width": width, "height": height}


def _annotations(rows: Rows) -> Iterator[dict[str, Any]]:
    ids = iter(range(1, rows.count * len(rows.subjects) + 1))
    for chunk in rows:
        there = np.isfinite(chunk.confidence).any(axis=-1)
        scores = chunk.scores
        for row, column in np.argwhere(there).tolist():
            yield {
                "id": next(ids),
                "image_id": chunk.first + row,
                "category_id": 1,
                **_shape(chunk.points[row, column]),
                "score": round(float(scores[row, column]), 4),
                "keypoint_scores": _rounded(np.nan_to_num(chunk.confidence[row, column]), 3),
                "track_id": rows.subjects[column],
                "iscrowd": 0,
            }


def _shape(points: np.ndarray[Any, np.dtype[np.float32]]) -> dict[str, Any]:
    """Keypoints of one subject and the box round them, edges of pixels included."""
    found = np.isfinite(points[:, 0])
    triples = np.zeros((len(points), 3))
    triples[found, :2], triples[found, 2] = points[found], 2
    low, high = points[found].min(axis=0), points[found].max(axis=0)
    width, height = (high - low + 1).tolist()
    return {
        "keypoints": _rounded(triples.ravel(), 2),
        "num_keypoints": int(found.sum()),
        "bbox": _rounded(np.array([*low, width, height]), 2),
        "area": round(width * height, 2),
    }


def _result(annotation: dict[str, Any]) -> dict[str, Any]:
    kept = ("image_id", "category_id", "keypoints", "score", "keypoint_scores")
    return {name: annotation[name] for name in kept}


def _category(rows: Rows) -> dict[str, Any]:
    own = rows.skeleton
    return {
        "id": 1,
        "name": own.name,
        "supercategory": own.name,
        "keypoints": list(own.keypoints),
        "skeleton": [[a + 1, b + 1] for a, b in own.edges],
    }


def _write_list(file: TextIO, entries: Iterator[dict[str, Any]]) -> None:
    start = "[\n"
    for entry in entries:
        file.write(start + _json(entry))
        start = ",\n"
    file.write("[]" if start == "[\n" else "\n]")


def _json(value: Any) -> str:
    return json.dumps(value, allow_nan=False, separators=(",", ":"))


def _rounded(values: np.ndarray[Any, np.dtype[Any]], decimals: int) -> list[float]:
    """Whole numbers, such as visibilities, without a point."""
    return [int(v) if v == int(v) else v for v in np.round(values.astype(float), decimals).tolist()]
