"""Which error the kept checkpoints of a run reached after how many hours of training."""

import json
from pathlib import Path

import torch
from safetensors.torch import load_file

from engines import Card, Skeleton
from engines.engine import Prediction
from engines.geometry import Image
from train.batches import tensor
from train.config import Config
from train.evaluate import evaluate
from train.metrics import PACE
from train.parts import Parts, Teacher

KEPT = ("joint", "best")  # the last checkpoint; the one chosen without labels, where there is one


class TeacherEngine:
    """A teacher as an engine, without the detour through a model file."""

    name, precision = "torch", "fp32"

    def __init__(self, teacher: Teacher, card: Card) -> None:
        self.teacher = teacher.eval()
        self.card = card

    @torch.no_grad()
    def run(self, crops: Image) -> Prediction:
        keypoints = self.teacher(tensor(crops, torch.device("cpu"))).numpy()
        return Prediction(keypoints, keypoints[..., 0] * 0 + 1)

    def close(self) -> None:
        pass


def teacher_of(folder: Path, config: Config, skeleton: Skeleton) -> Teacher:
    """The teacher in a checkpoint of all parts, or of the teacher alone."""
    weights = load_file(folder / "weights.safetensors")
    own = {name.removeprefix("teacher."): v for name, v in weights.items() if "teacher." in name}
    teacher = Parts(config, skeleton).teacher
    teacher.load_state_dict(own or weights)
    return teacher


def hours(run: Path, step: int) -> float:
    """Spent on pre-training and on `step` joint steps, pauses left out."""
    lines = map(json.loads, (run / PACE).read_text().splitlines())
    stages = {"pretrain": float("inf"), "joint": step}
    return sum(x["seconds"] for x in lines if x["step"] <= stages.get(x["stage"], 0)) / 3600


def reach(run: str, labels: str, norm: str = "") -> None:
    """Print a line for each kept checkpoint; `norm` are two keypoints, as in `keycam eval`."""
    folder = Path(run)
    config = Config.from_json((folder / "config.json").read_text())
    skeleton = Skeleton.from_dict(json.loads((folder / "skeleton.json").read_text()))
    card = Card(
        kind="tracker", name=folder.name, skeleton=skeleton, size=config.size, margin=2.0,
        data="", licence="", method="", errors={}, run=config.digest(),
    )  # fmt: skip
    for name in KEPT:
        if not (folder / name / "weights.safetensors").is_file():
            continue
        step = json.loads((folder / name / "progress.json").read_text())["step"]
        engine = TeacherEngine(teacher_of(folder / name, config, skeleton), card)
        ends = tuple(norm.split(",")) if norm else None
        table = evaluate(engine, Path(labels), images=None, norm=ends, roi="frame").to_dict()
        error = table["nme"]["mean"] if norm else table["error_px"]["mean"]
        print(f"{name:6} step {step:7d}  {hours(folder, step):7.2f} h  {error:.3f}")
