"""What makes the same training faster where the machine can: bfloat16 and compiled networks."""

import importlib.util
import os
import shutil
from collections.abc import Callable
from functools import wraps
from typing import Any

import torch
from torch import Tensor, nn

from engines.errors import DataError
from train.config import Config
from train.parts import Parts


def accelerate(parts: Parts, config: Config, device: torch.device) -> None:
    """Prepare the four learning networks for `device`; weights and checkpoints stay as they are.

    The teacher, which follows them, is left alone: it answers in float32.

    Raises:
        DataError: compiling was asked for, and there is nothing to compile with.
    """
    if config.compile:
        _check_compiler(device)
    for network in _networks(parts):
        if wants_bfloat16(config, device):
            use_bfloat16(network)
        if config.compile:
            network.compile()


def decelerate(parts: Parts) -> None:
    """Take `accelerate` back: exported networks are exact, and graphs of their own."""
    for network in _networks(parts):
        vars(network).pop("forward", None)
        network._compiled_call_impl = None


def _networks(parts: Parts) -> tuple[nn.Module, ...]:
    return parts.encoder, parts.regressor, parts.decoder, parts.discriminator


def wants_bfloat16(config: Config, device: torch.device) -> bool:
    """What the setting `precision` means there: "auto" is bfloat16 on GPUs that have it."""
    if config.precision == "auto":
        return device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    return config.precision == "bf16"


def use_bfloat16(network: nn.Module) -> None:
    """Let the network work in bfloat16 where autocast thinks it safe; its results are float32, so
    that losses, renderer and soft-argmax lose nothing."""
    forward: Callable[..., Any] = network.forward

    @wraps(forward)
    def cast(*inputs: Tensor) -> Any:
        with torch.autocast(inputs[0].device.type, torch.bfloat16):
            made = forward(*inputs)
        return [one.float() for one in made] if isinstance(made, list) else made.float()

    network.forward = cast  # type: ignore[method-assign]


def _check_compiler(device: torch.device) -> None:
    if device.type == "cuda":
        need, there = "triton", importlib.util.find_spec("triton") is not None
    else:
        need = os.environ.get("CXX", "g++")
        there = shutil.which(need) is not None
    if not there:
        raise DataError(f"compile=true needs {need}, which is not here; train without it")
