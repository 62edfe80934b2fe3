"""A model repository for NVIDIA's Triton inference server, written from a model file.

    DIR/<name>/config.pbtxt      names, shapes and batching, from the graph and its card
    DIR/<name>/keypoints.txt     one keypoint's name a line
    DIR/<name>/1/model.onnx      the model file as it is
    DIR/<name>_plan/             the same for a TensorRT plan, where one is given

Formats: Triton's "Model Repository" and "Model Configuration" guides.
"""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engines.card import Card
from engines.engine import load, locate
from engines.errors import DataError

MAX_BATCH = 32
WAIT_US = 500  # that the server may hold a crop back to fill a batch: a tenth of its own time
LABELS = "keypoints.txt"


def export_server(model: str | Path, folder: Path, *, plan: Path | None = None) -> list[Path]:
    """Write a repository that `tritonserver --model-repository=FOLDER` serves.

    Args:
        model: a shipped model's name, or an `.onnx`.
        folder: to make; all of it is there at the end, or nothing.
        plan: a TensorRT plan of the same model, for the GPU and TensorRT that the server has.

    Returns:
        The folders of the models in it.

    Raises:
        DataError: `folder` exists or cannot be written, or there is no such plan.
        EngineError: `model` is no keycam tracker.
    """
    file = locate(model)
    engine = load(file, "cpu")  # which checks it
    card = engine.card
    engine.close()
    name = re.sub(r"[^A-Za-z0-9_-]+", "_", card.name)
    if plan is not None and (not plan.is_file() or not plan.stat().st_size):
        raise DataError(f"{plan}: no plan there; make one with `keycam compile`")
    with _made(folder) as new:
        made = [_add(new / name, card, "onnxruntime_onnx", file, "KIND_AUTO")]
        if plan is not None:
            made.append(_add(new / f"{name}_plan", card, "tensorrt_plan", plan, "KIND_GPU"))
    return [folder / own.name for own in made]


def _add(folder: Path, card: Card, platform: str, file: Path, kind: str) -> Path:
    weights = "model.plan" if platform == "tensorrt_plan" else "model.onnx"
    (folder / "1").mkdir(parents=True)
    shutil.copyfile(file, folder / "1" / weights)
    text = configuration(folder.name, card, platform, kind)
    (folder / "config.pbtxt").write_text(text, "utf-8")
    (folder / LABELS).write_text("".join(f"{own}\n" for own in card.skeleton.keypoints), "utf-8")
    return folder


def configuration(name: str, card: Card, platform: str, kind: str) -> str:
    """Triton's `config.pbtxt`; the first dimension, of the batch, is left out as it asks for."""
    points, size = len(card.skeleton.keypoints), card.size
    return f"""\
name: "{name}"
platform: "{platform}"
max_batch_size: {MAX_BATCH}
input [
  {{ name: "crop" data_type: TYPE_UINT8 dims: [ {size}, {size}, 3 ] }}
]
output [
  {{ name: "keypoints" data_type: TYPE_FP32 dims: [ {points}, 2 ] }},
  {{ name: "confidence" data_type: TYPE_FP32 dims: [ {points} ] label_filename: "{LABELS}" }}
]
dynamic_batching {{ max_queue_delay_microseconds: {WAIT_US} }}
instance_group [ {{ kind: {kind} count: 1 }} ]
parameters {{ key: "keycam.skeleton" value: {{ string_value: "{card.skeleton.name}" }} }}
"""


@contextmanager
def _made(folder: Path) -> Iterator[Path]:
    """A new folder beside `folder`, which gets its name if all goes well and is gone if not.

    Raises:
        DataError: it exists, or cannot be made.
    """
    if os.path.lexists(folder):
        raise DataError(f"{folder}: exists already; name a new folder")
    new = folder.with_name(folder.name + ".new")
    try:
        new.mkdir()
    except OSError as error:
        raise DataError(f"{new}: cannot be made ({error.strerror})") from error
    try:
        yield new
        new.rename(folder)
    except OSError as error:
        raise DataError(f"{folder}: cannot be written ({error.strerror})") from error
    finally:
        shutil.rmtree(new, ignore_errors=True)
