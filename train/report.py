"""The report of a run: one page that says what was learnt, how, what to distrust, what is next."""

import json
import shlex
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch

from engines.errors import DataError, KeycamError
from engines.geometry import Roi
from engines.skeleton import Skeleton
from train import page, panels, world
from train.config import Config
from train.contact import png_as_jpeg
from train.diagnosis import diagnose
from train.evidence import MOST_CLIPS, Told, ask
from train.footage import RoiMode, load_footage, read_roi
from train.logbook import Logbook
from train.prior import Prior, load_prior
from train.rehearsal import duration
from train.videos import Footage, find_videos

NAME = "report.html"
SHEETS = 2  # picture sheets of the training that are shown


def rebuild(
    folder: Path,
    device: torch.device,
    *,
    videos: Sequence[Path] = (),
    prior: Path | None = None,
    roi: str | None = None,
) -> Path:
    """Write the report of a run from what its folder holds, also of one that was killed.

    Args:
        videos, prior, roi: instead of those that the run remembers.

    Raises:
        DataError: `folder` holds no run.
    """
    config, skeleton = _described(folder)
    book = Logbook(folder)
    mode = read_roi(roi or book.facts.get("found_by") or "auto")
    prior_path = prior or (Path(book.facts["prior"]) if "prior" in book.facts else None)
    known = None
    if prior_path is not None:
        framing = "pose" if mode == "motion" else "frame"
        known = load_prior(prior_path, skeleton, framing).zoomed(config.zoom)
    paths = list(videos) or [Path(path) for path in book.facts.get("videos", [])]
    footage = _some_footage(paths, mode, config.kept_side) if paths else None
    return write_report(folder, footage, known, device)


def write_report(
    folder: Path, footage: Footage | None, prior: Prior | None, device: torch.device
) -> Path:
    """Write `folder/report.html` and return its path; to be called on every rank.

    Args:
        footage: the clips to show; without, the parts that need frames are left out.
        prior: at the zoom of the training.

    Raises:
        DataError: `folder` holds no run, or the page cannot be written.
    """
    config, skeleton = _described(folder)
    book = Logbook(folder)
    told: list[Told] = []
    if footage is not None:
        told = ask(folder, footage, skeleton, config, device)
    path = folder / NAME
    if world.rank():
        return path
    after = diagnose(told, prior, config)
    parts = [
        *_header(folder, book, config, skeleton, told),
        panels.findings(book.findings, after),
        panels.over_time(told, skeleton, config.zoom),
        panels.both_poses(told, prior, config.zoom),
        panels.training(_metrics(folder)),
        _sheets(folder),
        _next(folder, book),
        _settings(book, config),
    ]
    name = str(book.facts.get("name") or folder.resolve().name)
    text = page.page(f"{name}: a keycam training", parts)
    fresh = path.with_name(NAME + ".new")
    try:
        fresh.write_text(text, "utf-8")
        fresh.replace(path)
    except OSError as error:
        raise DataError(f"{path}: cannot be written ({error.strerror})") from error
    return path


def _described(folder: Path) -> tuple[Config, Skeleton]:
    try:
        config = Config.from_json((folder / "config.json").read_text("utf-8"))
        table = json.loads((folder / "skeleton.json").read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{folder}: not a run's folder; it needs config.json") from error
    return config, Skeleton.from_dict(table, str(folder / "skeleton.json"))


def _some_footage(paths: Sequence[Path], mode: RoiMode | Roi, side: int) -> Footage | None:
    """A few of the clips; None where none can be read any more."""
    try:
        every = find_videos(paths)
        chosen = np.linspace(0, len(every) - 1, min(len(every), MOST_CLIPS)).round().astype(int)
        return load_footage([every[n] for n in sorted(set(chosen))], mode, side)[0]
    except KeycamError:
        return None


def _metrics(folder: Path) -> list[dict[str, Any]]:
    """The lines of metrics.jsonl, without a last one that a kill cut short."""
    lines = []
    path = folder / "metrics.jsonl"
    for text in path.read_text("utf-8").splitlines() if path.exists() else []:
        try:
            line = json.loads(text)
        except ValueError:
            continue
        if isinstance(line, dict) and "stage" in line and type(line.get("step")) is int:
            lines.append(line)
    return lines


def _header(
    folder: Path, book: Logbook, config: Config, skeleton: Skeleton, told: Sequence[Told]
) -> list[str]:
    facts = book.facts
    model = folder / "model.onnx"
    name = str(facts.get("name") or folder.resolve().name)
    state = "finished" if model.exists() else "not finished: what follows is what there is so far"
    day = str(facts.get("begun", ""))[:10]
    seconds = book.seconds(folder / "metrics.jsonl")
    numbers = [("keypoints", str(len(skeleton.keypoints)))]
    for key, what in (
        ("frames", "unlabelled frames"),
        ("clips", "clips"),
        ("poses", "prior poses"),
    ):
        if key in facts:
            numbers.append((what, f"{facts[key]:,}".replace(",", " ")))
    if seconds:
        numbers.append(("training time", duration(sum(seconds.values()))))
    if model.exists():
        numbers.append(("model file", f"{model.stat().st_size / 1e6:.1f} MB"))
    doubts = [own.doubt for own in told if own.doubt is not None]
    if doubts:
        sure = np.concatenate(doubts)
        median = float(np.median(sure))
        numbers.append(("views disagree by", f"{median:.1%}" if np.isfinite(median) else "all"))
    sees = "Frames of your videos are part of this page: think before you pass it on."
    return [
        f"<h1>{page.escape(name)}</h1>",
        page.paragraph(
            f"Keypoints of skeleton {skeleton.name}, learnt without a label; preset "
            f"{config.preset}, {config.steps} steps; "
            + ", ".join(filter(None, [day, state]))
            + ".",
            quiet=True,
        ),
        page.figures(numbers),
        panels.overlays(told, skeleton, config.zoom, rows=3),
        page.paragraph(sees, quiet=True) if told else "",
    ]


def _sheets(folder: Path) -> str:
    files = sorted((folder / "sheets").glob("*.png"))
    if not files:
        return ""
    chosen = sorted({round(n) for n in np.linspace(0, len(files) - 1, min(len(files), SHEETS))})
    pictures = []
    for n in chosen:
        address = png_as_jpeg(files[n])
        if address is not None:
            stage, _, step = files[n].stem.rpartition("-")
            pictures.append(page.picture(address, f"{stage}, step {step.lstrip('0') or step}"))
    says = (
        "Top to bottom: frames, the encoder's skeleton images, the same redrawn through the "
        "keypoints, the frames rebuilt from them and another frame, that other frame, and the "
        "keypoints. Good: thin clear lines on the subject, and rebuilt frames in its pose."
    )
    return page.section("sheets", "What the parts see and make", page.paragraph(says), *pictures)


def _next(folder: Path, book: Logbook) -> str:
    model = folder / "model.onnx"
    say = []
    if model.exists():
        quoted = shlex.quote(str(model))
        roi = " --roi motion" if book.facts.get("found_by") == "motion" else ""
        say.append(("Use it live, on the first camera", f"keycam run 0 -m {quoted}"))
        for path in book.facts.get("videos", [])[:1]:
            if Path(path).is_file():
                video = shlex.quote(str(path))
                say.append(("On a video", f"keycam run {video} -m {quoted} -o overlay.mp4"))
        say.append(
            (
                "Measure it: label a dozen frames that it never saw",
                f"keycam eval {quoted} --labels labels.csv{roi}",
            )
        )
        say.append(("Record", f"keycam record 0 -m {quoted} -o session"))
    elif book.facts.get("command"):
        command = str(book.facts["command"])
        resumed = command if " --resume" in command else f"{command} --resume"
        say.append(("Go on where it stopped", resumed))
    say.append(("Write this page again", f"keycam report {shlex.quote(str(folder))}"))
    parts = [page.paragraph(what) + page.command(line) for what, line in say]
    return page.section("next", "What to do next", *parts)


def _settings(book: Logbook, config: Config) -> str:
    shown = {k: v for k, v in book.facts.items() if k not in ("findings", "seconds", "stage_begun")}
    facts = [(key, _said(value)) for key, value in shown.items() if value not in (None, "", [])]
    stages = [(f"{name}, time", duration(s)) for name, s in book.facts.get("seconds", {}).items()]
    settings = [(key, str(value)) for key, value in json.loads(config.to_json()).items()]
    written = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return page.section(
        "settings",
        "The run in full",
        page.table([*facts, *stages]),
        f"<details><summary>All settings</summary>{page.table(settings)}</details>",
        f"<footer>Written by keycam on {written}. This page loads nothing from anywhere.</footer>",
    )


def _said(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
