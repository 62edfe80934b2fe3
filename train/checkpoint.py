"""Checkpoints: weights as safetensors, optimisers for `weights_only` loading, progress as JSON."""

import json
import pickle
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn
from torch.optim import Optimizer

from engines.errors import DataError
from train import world

_DAMAGE = (
    OSError,
    EOFError,
    RuntimeError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    SafetensorError,
    pickle.UnpicklingError,
)


def save(
    folder: Path,
    module: nn.Module,
    optimisers: Mapping[str, Optimizer],
    progress: Mapping[str, Any],
) -> None:
    """Replace the checkpoint in `folder`; a kill at any time leaves one that is whole.

    All ranks have the same to save; rank 0 does it while the others wait.
    """
    world.lead(lambda: _save(folder, module, optimisers, progress))


def _save(
    folder: Path,
    module: nn.Module,
    optimisers: Mapping[str, Optimizer],
    progress: Mapping[str, Any],
) -> None:
    fresh, old = folder.with_suffix(".new"), folder.with_suffix(".old")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    tensors = {name: value.contiguous() for name, value in module.state_dict().items()}
    save_file(tensors, fresh / "weights.safetensors")
    if optimisers:
        states = {name: optimiser.state_dict() for name, optimiser in optimisers.items()}
        torch.save(states, fresh / "optimisers.pt")
    (fresh / "progress.json").write_text(json.dumps(dict(progress)))
    if folder.exists():
        shutil.rmtree(old, ignore_errors=True)
        folder.rename(old)
    fresh.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def exists(folder: Path) -> bool:
    return folder.is_dir() or folder.with_suffix(".old").is_dir()


def steps_done(folder: Path) -> int:
    """Steps that the checkpoint in `folder` has behind it; 0 where there is none to be read."""
    whole = folder if folder.is_dir() else folder.with_suffix(".old")
    try:
        return int(json.loads((whole / "progress.json").read_text())["step"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def load(folder: Path, module: nn.Module, optimisers: Mapping[str, Optimizer]) -> dict[str, Any]:
    """Restore what `save` wrote, in place; returns the progress.

    Raises:
        DataError: the checkpoint is damaged or belongs to other networks.
    """
    whole = folder if folder.is_dir() else folder.with_suffix(".old")
    try:
        weights = load_file(whole / "weights.safetensors")
        progress: dict[str, Any] = json.loads((whole / "progress.json").read_text())
        module.load_state_dict(weights)
        if optimisers:
            states = torch.load(whole / "optimisers.pt", map_location="cpu", weights_only=True)
            for name, optimiser in optimisers.items():
                optimiser.load_state_dict(states[name])
    except _DAMAGE as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        if isinstance(error, pickle.UnpicklingError):  # whose message advises to trust the file
            reason = "optimisers.pt holds more than tensors and numbers"
        raise DataError(f"{folder}: the checkpoint cannot be resumed ({reason})") from error
    return progress
