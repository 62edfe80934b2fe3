"""Many files recorded: which ones, and what of them is done already.

    OUT/<name>/            one session for each file
    OUT/.finished/<key>    receipts: what makes a second run skip a file
    OUT/.part/             sessions being recorded; a run that is started again empties them

A file's key is the hash of its bytes, the model and the options, so a file that changed or is
asked for with another model is not taken for finished.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from glob import glob
from pathlib import Path
from shutil import rmtree
from time import monotonic
from typing import Any, Literal, TypeAlias

from engines.engine import locate
from engines.errors import DataError, KeycamError
from realtime.pipeline import DEFAULT_MODEL, Wanted, watch
from realtime.source import PICTURE_SUFFIXES

VIDEO_SUFFIXES = frozenset(
    {".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm", ".wmv"}
)
_WILD = re.compile(r"[*?\[]")
Status: TypeAlias = Literal["recorded", "skipped", "failed"]


@dataclass(frozen=True, kw_only=True)
class Options:
    """How every file is recorded: as for `realtime.pipeline.watch`."""

    model: str = DEFAULT_MODEL
    device: str = "auto"
    smooth: bool = True
    frames: int | None = None
    seconds: float | None = None
    keep_video: Literal["lossy", "lossless"] | None = None
    max_subjects: int = 1


@dataclass(frozen=True, kw_only=True)
class Job:
    """One file, or one folder of pictures, and the session to be made of it."""

    source: str
    output: str
    name: str
    options: Options


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a job; `seconds` are those spent tracking, `message` says why it failed."""

    source: str
    session: str
    status: Status
    frames: int = 0
    seconds: float = 0.0
    message: str = ""


def several(sources: Sequence[str]) -> bool:
    """Whether these name many files: more than one, a pattern, or a folder without pictures."""
    if len(sources) != 1:
        return True
    path = Path(sources[0])
    if path.is_dir():
        return not _holds_pictures(path)
    return not path.exists() and "://" not in sources[0] and bool(_WILD.search(sources[0]))


def plan(sources: Sequence[str], output: Path, options: Options) -> list[Job]:
    """One job per video, or folder that directly holds pictures, that `sources` name.

    Args:
        sources: files, folders (and all below them) and patterns, `**` included.

    Raises:
        DataError: one of them names nothing, or two files would make the same session.
    """
    files = [path for source in sources for path in _find(source)]
    files = list(dict.fromkeys(path.resolve() for path in files))
    names = _names(files)
    out = str(output.resolve())
    return [
        Job(source=str(path), output=out, name=name, options=options)
        for path, name in zip(files, names, strict=True)
    ]


def do(job: Job) -> Outcome:
    """Record one file, unless that is done; whatever goes wrong is the outcome's message."""
    session = str(Path(job.output) / job.name)
    try:
        return _do(job)
    except KeycamError as error:
        message = str(error)
    except Exception as error:  # noqa: BLE001 (one file must not stop the others)
        message = f"{type(error).__name__}: {error}"
    return Outcome(source=job.source, session=session, status="failed", message=message)


def _do(job: Job) -> Outcome:
    output = Path(job.output)
    receipt = output / ".finished" / _key(job)
    target, part = output / job.name, output / ".part" / job.name
    if (done := _read_receipt(receipt)) and (output / done["session"]).is_dir():
        path = str(output / done["session"])
        return Outcome(source=job.source, session=path, status="skipped", frames=done["frames"])
    if target.exists():
        raise DataError(f"{target} was made from another file or model; choose another -o")
    rmtree(part, ignore_errors=True)
    own = job.options
    wanted = Wanted(session=part, keep_video=own.keep_video, max_subjects=own.max_subjects)
    started = monotonic()
    report = watch(
        job.source,
        wanted,
        model=own.model,
        device=own.device,
        smooth=own.smooth,
        frames=own.frames,
        seconds=own.seconds,
    )
    seconds = monotonic() - started
    if report.ended == "interrupt":
        rmtree(part, ignore_errors=True)
        raise DataError("interrupted; start again to go on")
    _write_receipt(receipt, {"session": job.name, "source": job.source, "frames": report.frames})
    part.rename(target)
    return Outcome(
        source=job.source,
        session=str(target),
        status="recorded",
        frames=report.frames,
        seconds=seconds,
    )


def _find(source: str) -> list[Path]:
    path = Path(source)
    if path.is_dir():
        found = sorted(_below(path))
    elif path.exists():
        found = [path]
    else:
        matches = [Path(match) for match in sorted(glob(source, recursive=True))]
        found = [
            own for match in matches for own in (_find(str(match)) if match.is_dir() else [match])
        ]
    if not found:
        raise DataError(f"'{source}': no video and no pictures there; name files or folders")
    return found


def _below(folder: Path) -> Iterator[Path]:
    if _holds_pictures(folder):
        yield folder
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.name.startswith("."):
            yield from _below(entry)
        elif entry.suffix.lower() in VIDEO_SUFFIXES:
            yield entry


def _holds_pictures(folder: Path) -> bool:
    return any(entry.suffix.lower() in PICTURE_SUFFIXES for entry in folder.iterdir())


def _names(files: Sequence[Path]) -> list[str]:
    """The files' stems; where these are not unique, as much of the paths as makes them so."""
    names = [path.stem if path.is_file() else path.name for path in files]
    for depth in range(1, 8):
        often = Counter(names)
        if max(often.values()) == 1:
            return names
        names = [
            name if often[name] == 1 else "-".join(path.parts[-depth:]).replace(".", "-")
            for name, path in zip(names, files, strict=True)
        ]
    raise DataError(f"two files would make the session '{often.most_common(1)[0][0]}'; rename one")


def _key(job: Job) -> str:
    """Of the file's bytes, the model's and the options that change the result."""
    options = {**asdict(job.options), "model": _digest(locate(job.options.model))}
    source = Path(job.source)
    if source.is_dir():
        parts = [[p.name, _digest(p)] for p in sorted(source.iterdir()) if p.is_file()]
    else:
        parts = [["", _digest(source)]]
    return hashlib.sha256(json.dumps([parts, options], sort_keys=True).encode()).hexdigest()


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_receipt(path: Path) -> dict[str, Any] | None:
    try:
        table = json.loads(path.read_text("utf-8"))
        return {"session": Path(table["session"]).name, "frames": int(table["frames"])}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def _write_receipt(path: Path, table: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(table) + "\n", "utf-8")
    part.replace(path)
