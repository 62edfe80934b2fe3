"""One training run: a folder that holds everything, from settings to model file."""

import json
from dataclasses import dataclass, fields, replace
from pathlib import Path

import torch

from engines.card import Card
from engines.errors import DataError
from engines.skeleton import Skeleton
from train.choice import taken_step
from train.config import Config
from train.distil import distil
from train.export import export_decoder, export_teacher, export_tracker
from train.fit import fit, pretrain
from train.footage import RoiMode, load_footage
from train.parts import Parts
from train.prior import Prior, load_prior
from train.videos import Footage

KEEP = 1.25  # pixels kept per pixel of the tracker's crop


@dataclass(frozen=True, kw_only=True)
class Task:
    """What to learn from what: the part of a run that is not a setting."""

    videos: tuple[Path, ...]
    skeleton: Skeleton
    prior: Path
    roi: RoiMode = "auto"
    name: str = "model"
    data: str = ""
    licence: str = ""


def train(task: Task, config: Config, folder: Path, *, resume: bool, device: torch.device) -> Path:
    """Learn a model: regressor, all parts, tracker network, model files.

    Args:
        folder: of the run; must not hold one already, unless `resume`.

    Returns:
        The tracker's model file, `folder/model.onnx`.

    Raises:
        DataError: videos, prior or folder cannot be used.
    """
    _check_folder(folder, task, config, resume=resume)
    torch.manual_seed(config.seed)
    footage, framing = load_footage(task.videos, task.roi, kept_side(config))
    prior = load_prior(task.prior, task.skeleton, framing).zoomed(config.zoom)
    _describe(folder, task, config)  # only now: what cannot be read leaves no run behind
    parts = Parts(config, task.skeleton).to(device)
    pretrain(parts, prior, config, folder, device)
    fit(parts, footage, prior, config, folder, device)
    return finish(parts, footage, prior, task, config, folder, device)


def pick_device(name: str) -> torch.device:
    """The device of that name.

    Raises:
        DataError: it is neither `auto`, `cpu` nor a GPU that torch can use here.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError:
        device = torch.device("meta")
    if device.type not in ("cpu", "cuda"):
        raise DataError(f"--device {name}: use auto, cpu, cuda or cuda:N")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise DataError(f"--device {name}: torch finds no such GPU on this machine; use cpu")
    return device


def kept_side(config: Config) -> int:
    """Pixels a subject's square is kept at: enough for the tracker's crop at the base zoom."""
    return round(config.tracker_size * KEEP / config.zoom)


def finish(
    parts: Parts,
    footage: Footage,
    prior: Prior,
    task: Task,
    config: Config,
    folder: Path,
    device: torch.device,
) -> Path:
    """Distil the teacher into the tracker network and write the model files."""
    tracker = distil(parts.teacher, footage, prior.skeleton, config, folder, device)
    card = make_card(task, config, prior, len(footage), taken_step(folder))
    export_decoder(parts, card, folder / "decoder.onnx", config.size)
    export_teacher(parts.teacher, card, folder / "teacher.onnx", config.size)
    card = replace(card, size=config.tracker_size, margin=config.tracker_margin)
    return export_tracker(tracker, card, folder / "model.onnx")


def make_card(
    task: Task, config: Config, prior: Prior, frames: int, taken: int | None = None
) -> Card:
    """The card of what was learnt; errors are entered by hand, once measured.

    Args:
        frames: how many there were to learn from.
        taken: the step whose teacher was taken, None for the last.
    """
    steps = f"{config.steps} steps" if taken is None else f"step {taken} of {config.steps}"
    return Card(
        kind="tracker",
        name=task.name,
        skeleton=prior.skeleton,
        size=config.size,
        margin=min(max(prior.margin(), 0.5), 20.0),
        data=task.data or f"{frames} unlabelled frames, {len(prior)} unpaired poses",
        licence=task.licence or "not stated",
        method=f"KeypointGAN (CVPR 2020), keycam preset {config.preset}, {steps}, "
        f"batch {config.batch}, distilled in {config.distil_steps} steps",
        errors={},
        run=config.digest(),
    )


def _check_folder(folder: Path, task: Task, config: Config, *, resume: bool) -> None:
    """Refuse a folder that cannot hold this run; else it exists afterwards."""
    settings, skeleton = folder / "config.json", folder / "skeleton.json"
    if settings.exists():
        if not resume:
            raise DataError(f"{folder}: already holds a run; go on with --resume or name another")
        _check_config(settings, config)
        if skeleton.exists() and json.loads(skeleton.read_text()) != task.skeleton.to_dict():
            raise DataError(f"{folder}: was begun with another skeleton; resume with {skeleton}")
        return
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DataError(f"{folder}: exists and is not a run; name another folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{folder}: cannot be written ({error.strerror})") from error


def _check_config(settings: Path, config: Config) -> None:
    try:
        begun = Config.from_json(settings.read_text())
    except DataError as error:
        raise DataError(f"{settings}: {error}; the run cannot be resumed") from error
    names = [field.name for field in fields(config)]
    if other := [name for name in names if getattr(begun, name) != getattr(config, name)]:
        raise DataError(
            f"{settings.parent}: was begun with other settings ({', '.join(other)}); resume with "
            "the same"
        )


def _describe(folder: Path, task: Task, config: Config) -> None:
    """Write what the run is, where that is not already written."""
    skeleton = json.dumps(task.skeleton.to_dict(), indent=1)
    for name, text in (("config.json", config.to_json()), ("skeleton.json", skeleton)):
        if not (folder / name).exists():
            fresh = folder / f"{name}.new"
            fresh.write_text(text)
            fresh.replace(folder / name)
