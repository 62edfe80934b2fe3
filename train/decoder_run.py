"""One training of a decoder: a folder that holds everything, from settings to decoder file."""

import logging
from contextlib import closing
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch

from engines.card import Card
from engines.engine import load, locate
from engines.errors import DataError
from engines.geometry import Roi
from train import checkpoint
from train.config import Config
from train.decoder_config import DecoderConfig
from train.decoder_fit import STAGE, fit_decoder
from train.decoder_losses import TrackerView
from train.export import export_warping_decoder
from train.finding import stop_if_needed
from train.footage_check import check_footage
from train.logbook import Logbook, found, machine
from train.posed import PosedFootage
from train.posed_pack import packed_posed
from train.restore import restore_tracker
from train.videos import Clip, Footage

log = logging.getLogger(__name__)
DECODER, SETTINGS, FOOTAGE = "decoder.onnx", "decoder.json", "footage"


@dataclass(frozen=True, kw_only=True)
class DecoderTask:
    """What to learn from what: the part of a run that is not a setting.

    Attributes:
        model: the tracker that says where keypoints are: its file, or a shipped one's name.
        begin: the folder of another run, with whose weights this one begins.
        cache: where decoded frames are kept: a folder of the run, if None.
    """

    videos: tuple[Path, ...]
    model: str
    begin: Path | None = None
    cache: Path | None = None
    name: str = "decoder"
    data: str = ""
    licence: str = ""
    command: str = ""


def train_decoder(
    task: DecoderTask, config: DecoderConfig, folder: Path, *, resume: bool, device: torch.device
) -> Path:
    """Learn a decoder: footage, checks, training, decoder file.

    Args:
        folder: of the run; must not hold one already, unless `resume`.

    Returns:
        The decoder file, `folder/decoder.onnx`.

    Raises:
        DataError: videos or folder cannot be used.
        EngineError: `task.model` is no tracker network.
    """
    if task.begin is not None and not checkpoint.exists(task.begin / STAGE):
        raise DataError(f"{task.begin}: holds no decoder's training to begin with")
    tracker = locate(task.model)
    network, card = restore_tracker(tracker)
    _check_folder(folder, config, resume=resume)
    with closing(load(tracker, "cpu")) as engine:
        place = task.cache or folder / FOOTAGE
        footage = packed_posed(task.videos, engine, tracker, config, place)
    findings = check_footage(_looked_at(footage, config), _as_seen(config))
    for finding in findings:
        log.warning("%s", finding)
    stop_if_needed(findings)
    book = Logbook(folder)
    _write(folder / SETTINGS, config.to_json())
    book.write(**_facts(task, footage, device), findings=found(findings))
    view = TrackerView(network.to(memory_format=torch.channels_last), card.margin, card.size)
    with book.stage(STAGE):
        decoder = fit_decoder(footage, card.skeleton, view, config, folder, device, task.begin)
    own = make_card(task, config, card, len(footage))
    return export_warping_decoder(decoder, own, folder / DECODER)


def make_card(task: DecoderTask, config: DecoderConfig, tracker: Card, frames: int) -> Card:
    """The card of what was learnt; errors are entered once measured."""
    return Card(
        kind="decoder",
        name=task.name,
        skeleton=tracker.skeleton,
        size=config.size,
        margin=config.margin,
        data=task.data or f"{frames} unlabelled frames",
        licence=task.licence or "not stated",
        method=f"warping decoder by the keypoints of {tracker.name}, {config.steps} steps of "
        f"batch {config.batch}",
        errors={},
        run=config.digest,
    )


def _looked_at(footage: PosedFootage, config: DecoderConfig) -> Footage:
    """The footage as the checks know it: squares in place of keypoints."""
    clips = [
        Clip(clip.name, clip.images, [Roi.around(own, config.margin) for own in clip.points_px])
        for clip in footage.clips
    ]
    return Footage(tuple(clips))


def _as_seen(config: DecoderConfig) -> Config:
    """What the checks ask: the size of the pictures, and no zoom."""
    return Config.of_preset("compact").with_changes(size=config.size, stem=1, zoom=1.0)


def _facts(task: DecoderTask, footage: PosedFootage, device: torch.device) -> dict[str, Any]:
    moved = [np.linalg.norm(np.ptp(clip.points_px, axis=0), axis=-1) for clip in footage.clips]
    return {
        **{key: getattr(task, key) for key in ("model", "name", "data", "licence", "command")},
        "begun_with": None if task.begin is None else str(task.begin.resolve()),
        "videos": [str(path.resolve()) for path in task.videos],
        "clips": len(footage.clips),
        "frames": len(footage),
        "way_px": round(float(np.median(np.concatenate(moved))), 2),
        "device": str(device),
        **machine(),
    }


def _check_folder(folder: Path, config: DecoderConfig, *, resume: bool) -> None:
    """Refuse a folder that cannot hold this run; else it exists afterwards."""
    settings = folder / SETTINGS
    if settings.exists():
        if not resume:
            raise DataError(f"{folder}: already holds a run; go on with --resume or name another")
        begun = DecoderConfig.from_json(settings.read_text())
        names = [field.name for field in fields(config)]
        if other := [name for name in names if getattr(begun, name) != getattr(config, name)]:
            raise DataError(
                f"{folder}: was begun with other settings ({', '.join(other)}); resume with the "
                "same"
            )
        return
    begun_reading = {FOOTAGE}  # what a run leaves that was killed reading its videos
    if folder.exists() and not (
        folder.is_dir() and {path.name for path in folder.iterdir()} <= begun_reading
    ):
        raise DataError(f"{folder}: exists and is not a run; name another folder")
    folder.mkdir(parents=True, exist_ok=True)


def _write(path: Path, text: str) -> None:
    if not path.exists():
        fresh = path.with_name(path.name + ".new")
        fresh.write_text(text + "\n")
        fresh.replace(path)
