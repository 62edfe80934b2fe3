"""The plans that were built on this machine, each with a JSON sidecar that says what it is for.

A plan is tied to the model, the library, the GPU and its driver. All of that is compared before
a byte of a plan is given to the library, which trusts what it reads.
"""

import hashlib
import json
import os
import platform
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Self

from engines.build import Stopped
from engines.errors import EngineError

SCHEMA = "keycam.plan/1"
RECIPE = 1  # grows when plans are made in another way
MAX_SIDECAR_BYTES = 1 << 16
LOCK_S = 0.2  # between two questions whether to go on waiting


class NoPlan(EngineError):
    """There is no plan in the cache that can be used; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Fingerprint:
    """Everything a plan depends on.

    Attributes:
        model: sha256 of the model file's bytes, hexadecimal.
        library: TensorRT's name and version.
        gpu, capability, driver: as of `engines.cuda.Gpu`; of a plan for a named target only the
            capability is known.
        precision: what was asked for.
        batch: the most crops at once.
        system: operating system and architecture.
        recipe: RECIPE.
    """

    model: str
    library: str
    gpu: str
    capability: str
    driver: str
    precision: str
    batch: int
    system: str = f"{platform.system()} {platform.machine()}"
    recipe: int = RECIPE

    @property
    def key(self) -> str:
        """The name of its files."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:32]

    def differences(self, other: Self) -> str:
        """What is not the same: "driver was 550.54, is 570.86"."""
        names = [field.name for field in fields(self)]
        pairs = [(name, getattr(other, name), getattr(self, name)) for name in names]
        return ", ".join(
            f"{name} was {_short(old)}, is {_short(new)}" for name, old, new in pairs if old != new
        )


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A plan and what is known about it.

    Attributes:
        content: for the library.
        precision: of the graph it was built from, which may be higher than the one asked for.
        tried: precision -> what the parity gate measured, in words.
    """

    content: bytes
    precision: str
    tried: Mapping[str, str]


class Plans:
    """A folder of plans."""

    def __init__(self, folder: Path | None = None) -> None:
        """`folder` is made when something is written; None is the user's cache."""
        self.folder = cache_folder() if folder is None else folder

    def path(self, fingerprint: Fingerprint) -> Path:
        return self.folder / f"{fingerprint.key}.plan"

    def read(self, fingerprint: Fingerprint) -> Plan:
        """The plan for `fingerprint`.

        Raises:
            NoPlan: there is none, or it is damaged.
        """
        path = self.path(fingerprint)
        if not path.with_suffix(".json").is_file():
            raise NoPlan(self._why(fingerprint))
        try:
            table = _read_sidecar(path.with_suffix(".json"))
            found, about = _fingerprint(table), table["plan"]
            if changed := fingerprint.differences(found):
                raise NoPlan(f"the plan in the cache is another: {changed}")
            content = path.read_bytes()
            if len(content) != about["bytes"] or _sha256(content) != about["sha256"]:
                raise NoPlan("the plan in the cache is damaged")
            return Plan(
                content=content,
                precision=str(about["precision"]),
                tried={str(name): str(text) for name, text in about["tried"].items()},
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise NoPlan(f"the plan in the cache is damaged ({error})") from error

    def write(self, fingerprint: Fingerprint, plan: Plan) -> Path:
        """Keep a plan; the sidecar comes last, so half a plan is none.

        Raises:
            EngineError: it cannot be written; nothing is left behind.
        """
        path = self.path(fingerprint)
        about = {
            "bytes": len(plan.content),
            "sha256": _sha256(plan.content),
            "precision": plan.precision,
            "tried": dict(plan.tried),
        }
        table = {"schema": SCHEMA, "fingerprint": asdict(fingerprint), "plan": about}
        self._put(path, plan.content)
        self._put(path.with_suffix(".json"), json.dumps(table, indent=1).encode())
        return path

    def timings(self, fingerprint: Fingerprint) -> bytes:
        """What earlier builds with this library on this GPU measured; empty if nothing."""
        try:
            return self._timings(fingerprint).read_bytes()
        except OSError:
            return b""

    def keep_timings(self, fingerprint: Fingerprint, timings: bytes) -> None:
        if timings:
            self._put(self._timings(fingerprint), timings)

    @contextmanager
    def lock(self, fingerprint: Fingerprint, go_on: Callable[[], bool]) -> Iterator[None]:
        """Hold the right to build this plan; waits for another process that has it.

        Args:
            go_on: asked while waiting.

        Raises:
            EngineError: the folder cannot be written.
            Stopped: `go_on` answered False.
        """
        import filelock

        lock = filelock.FileLock(self.path(fingerprint).with_suffix(".lock"))
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            while not lock.is_locked:
                try:
                    lock.acquire(timeout=LOCK_S)
                except filelock.Timeout:
                    if not go_on():
                        raise Stopped("waiting for another keycam's build was stopped") from None
        except OSError as error:
            raise EngineError(f"{self.folder}: no plans can be kept ({error.strerror})") from error
        try:
            yield
        finally:
            lock.release()

    def _timings(self, fingerprint: Fingerprint) -> Path:
        own = (fingerprint.library, fingerprint.gpu, fingerprint.capability, fingerprint.driver)
        return self.folder / f"{_sha256(repr(own).encode())[:32]}.timings"

    def _put(self, path: Path, content: bytes) -> None:
        fresh = path.with_name(path.name + ".new")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with fresh.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(path)
        except OSError as error:
            raise EngineError(
                f"{path}: the plan cannot be kept ({error.strerror}); make room, or set "
                "XDG_CACHE_HOME to a folder that has some"
            ) from error
        finally:
            with suppress(OSError):
                fresh.unlink(missing_ok=True)

    def _why(self, fingerprint: Fingerprint) -> str:
        """Why there is no plan: the least that differs from one of the same model."""
        reasons = []
        for path in self.folder.glob("*.json"):
            try:
                other = _fingerprint(_read_sidecar(path))
            except (OSError, ValueError, KeyError, TypeError):
                continue
            if other.model == fingerprint.model:
                reasons.append(fingerprint.differences(other))
        nearest = min(reasons, key=lambda text: (text.count(" was "), text), default="")
        return f"no plan fits: {nearest}" if nearest else "no plan of this model yet"


def cache_folder() -> Path:
    """Where this user's plans are kept."""
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData/Local")
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "keycam" / "plans"


def _read_sidecar(path: Path) -> dict[str, Any]:
    if path.stat().st_size > MAX_SIDECAR_BYTES:
        raise ValueError(f"{path.name} is too large")
    table = json.loads(path.read_text("utf-8"))
    if not isinstance(table, dict) or table.get("schema") != SCHEMA:
        raise ValueError(f"{path.name} is not a sidecar of this keycam")
    return table


def _fingerprint(table: Mapping[str, Any]) -> Fingerprint:
    """Raises TypeError where an entry is missing or unknown."""
    return Fingerprint(**table["fingerprint"])


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _short(value: object) -> str:
    return str(value)[:12] if isinstance(value, str) and len(value) == 64 else str(value) or "any"
