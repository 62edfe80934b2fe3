"""One training run: a folder that holds everything, from settings to model file."""

import json
import logging
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import torch

from engines.card import Card
from engines.errors import DataError, KeycamError
from engines.geometry import Roi
from engines.skeleton import Skeleton
from train import world
from train.accelerate import accelerate, decelerate
from train.checkpoint import steps_done
from train.choice import taken_step
from train.config import Config
from train.distil import distil
from train.export import export_decoder, export_teacher, export_tracker
from train.finding import stop_if_needed
from train.fit import fit, pretrain
from train.footage import RoiMode, roi_text
from train.logbook import STAGES, Logbook, found, machine
from train.material import Material, prepare
from train.parts import Parts
from train.prior import Prior
from train.rehearsal import Estimate, rehearse, worth_it
from train.report import write_report
from train.shared_norm import share_norms
from train.videos import Footage

log = logging.getLogger(__name__)
MODEL, FOOTAGE = "model.onnx", "footage"


@dataclass(frozen=True, kw_only=True)
class Task:
    """What to learn from what: the part of a run that is not a setting."""

    videos: tuple[Path, ...]
    skeleton: Skeleton
    prior: Path
    roi: RoiMode | Roi = "auto"
    cache: Path | None = None  # where decoded frames are kept: a folder of the run, if None
    name: str = "model"
    data: str = ""
    licence: str = ""
    command: str = ""  # what the user typed, to be told how to go on


def train(task: Task, config: Config, folder: Path, *, resume: bool, device: torch.device) -> Path:
    """Learn a model: checks, regressor, all parts, tracker network, model files, report.

    A run that is interrupted or fails in its course gets a report of what there is.

    Args:
        folder: of the run; must not hold one already, unless `resume`.

    Returns:
        The tracker's model file, `folder/model.onnx`.

    Raises:
        DataError: videos, prior or folder cannot be used.
    """
    for count in (config.batch, config.distil_batch):
        world.part(count)
    world.lead(lambda: _check_folder(folder, task, config, resume=resume))
    torch.manual_seed(config.seed)
    place = task.cache or folder / FOOTAGE
    material = prepare(task.videos, task.roi, task.prior, task.skeleton, config, cache=place)
    stop_if_needed(material.findings)
    book = Logbook(folder)
    world.lead(lambda: _describe(folder, task, config))  # only now: what cannot be read leaves none
    book.write(**_facts(task, material, device))
    if worth_it(config) and world.size() == 1:
        log.info("%s", estimate(material, config, folder, device).to_text())
    try:
        model = _learn(material, task, config, folder, device, book)
    except BaseException:  # also ctrl-c: what there is may say what went wrong
        if world.size() == 1:
            with suppress(KeycamError):
                path = write_report(folder, material.footage, material.prior, device)
                log.info("stopped; %s has what there is so far, --resume goes on", path)
        raise
    world.lead(lambda: None)  # until the model is there, for all to look at
    write_report(folder, material.footage, material.prior, device)
    return model


def check(task: Task, config: Config, folder: Path, device: torch.device) -> Estimate:
    """Look at the data and time a few steps; writes nothing.

    Raises:
        DataError: nothing usable is left.
    """
    material = prepare(task.videos, task.roi, task.prior, task.skeleton, config)
    stop_if_needed(material.findings)
    return estimate(material, config, folder, device)


def estimate(material: Material, config: Config, folder: Path, device: torch.device) -> Estimate:
    """How long the rest of the run in `folder` will take; a folder that is not there is fresh."""
    done = tuple(steps_done(folder / stage) for stage in STAGES)
    return rehearse(material.footage, material.prior, config, device, done)


def _learn(
    material: Material,
    task: Task,
    config: Config,
    folder: Path,
    device: torch.device,
    book: Logbook,
) -> Path:
    parts = Parts(config, task.skeleton).to(device)
    share_norms(parts)
    accelerate(parts, config, device)
    footage, prior = material.footage, material.prior
    with book.stage("pretrain"):
        pretrain(parts, prior, config, folder, device)
    with book.stage("joint"):
        fit(parts, footage, prior, config, folder, device)
    with book.stage("distil"):
        return finish(parts, footage, prior, task, config, folder, device)


def _facts(task: Task, material: Material, device: torch.device) -> dict[str, Any]:
    """What the logbook says about a run from its start."""
    found_by = "motion" if material.framing == "pose" else task.roi
    return {
        "name": task.name,
        "videos": [str(path.resolve()) for path in task.videos],
        "prior": str(task.prior.resolve()),
        "found_by": "frame" if found_by == "auto" else roi_text(found_by),
        "clips": len(material.footage.clips),
        "frames": len(material.footage),
        "poses": len(material.prior),
        "data": task.data,
        "licence": task.licence,
        "command": task.command,
        "device": str(device),
        **machine(),
        "findings": found(material.findings),
    }


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
    tracker = distil(parts.teacher, footage, prior, config, folder, device)
    if world.rank():
        return folder / MODEL
    decelerate(parts)
    card = make_card(task, config, prior, len(footage), taken_step(folder))
    export_decoder(parts, card, folder / "decoder.onnx", config.size)
    export_teacher(parts.teacher, card, folder / "teacher.onnx", config.size)
    card = replace(card, size=config.tracker_size, margin=config.tracker_margin)
    return export_tracker(tracker, card, folder / MODEL)


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
        f"batch {config.batch}, distilled in {config.rounds} rounds of {config.distil_steps} steps",
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
    if folder.exists() and not (folder.is_dir() and _is_begun(folder)):
        raise DataError(f"{folder}: exists and is not a run; name another folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{folder}: cannot be written ({error.strerror})") from error


def _is_begun(folder: Path) -> bool:
    """Whether a folder holds nothing, or what a run leaves that was killed reading its videos."""
    return {path.name for path in folder.iterdir()} <= {FOOTAGE}


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
