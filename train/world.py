"""Ranks: several processes that train one model, each on its part of every batch.

Start them with `torchrun --nproc-per-node N -m train …`; gloo joins them on CPUs, NCCL on GPUs. One
process alone is a world of size 1, in which every function here does nothing.

This is data parallelism as in DistributedDataParallel (Li et al., VLDB 2020), but without torch's
wrapper of that name: three optimisers take turns over shared networks, parts of which are frozen,
used several times or not at all in a given update, which the wrapper's hooks do not allow for. So
`train.parts.update` averages the gradients itself, after the backward pass and before clipping, in
one collective call per update. Losses are means over equal parts of the batch, batch statistics
are shared (`train.shared_norm`) and random numbers belong to a sample of the one global batch, so
N ranks compute what one process computes for the same `batch`, up to rounding.
"""

import logging
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.rendezvous import rendezvous

from engines.errors import DataError, KeycamError

TIMEOUT = timedelta(minutes=30)  # that others wait for rank 0 to write, or for a slow rank
NOTICE = 1000  # bytes of an error that rank 0 passes on


def active() -> bool:
    return dist.is_available() and dist.is_initialized()


def rank() -> int:
    """This process's number; rank 0 alone writes files."""
    return dist.get_rank() if active() else 0


def size() -> int:
    """How many processes train together."""
    return dist.get_world_size() if active() else 1


@contextmanager
def joined(device: torch.device) -> Iterator[torch.device]:
    """Join the world that torchrun's environment names, if any; gives this rank's device.

    An error is left for one rank to say: the others end with the same exit code, silently.

    Raises:
        DataError: the environment is not torchrun's, there are more ranks than GPUs, or another
            rank has gone.
    """
    count = _from_environment("WORLD_SIZE", 1)
    if count < 2:
        yield device
        return
    device = _own_device(device)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # a collective call does not return for Python's
    try:
        store, number, count = next(rendezvous("env://", timeout=TIMEOUT))
    except (RuntimeError, ValueError) as error:
        raise DataError(f"the {count} ranks cannot meet ({_first_line(error)})") from error
    if number:
        logging.getLogger("train").setLevel(logging.ERROR)
    try:
        _meet(store, number, count, device)
        yield device
    except KeycamError:
        if not _first_to_speak(store):
            raise SystemExit(2) from None
        raise
    finally:
        if active():
            dist.destroy_process_group()


def _meet(store: dist.Store, number: int, count: int, device: torch.device) -> None:
    backend = "nccl" if device.type == "cuda" else "gloo"
    try:
        dist.init_process_group(
            backend, store=store, rank=number, world_size=count, timeout=TIMEOUT
        )
    except (RuntimeError, ValueError) as error:
        raise DataError(f"the {count} ranks cannot meet ({_first_line(error)})") from error


def _from_environment(name: str, default: int | None = None) -> int:
    text = os.environ.get(name, "" if default is None else str(default))
    if not text.isdecimal():
        raise DataError(f"{name}={text}: not a number; start several ranks with torchrun")
    return int(text)


def _own_device(device: torch.device) -> torch.device:
    if device.type != "cuda":
        return device
    if device.index is not None:
        raise DataError(f"--device {device}: each rank takes its own GPU; write --device cuda")
    number, there = _from_environment("LOCAL_RANK"), torch.cuda.device_count()
    if number >= there:
        raise DataError(f"rank {number} finds no GPU of its own: this machine has {there}")
    own = torch.device("cuda", number)
    torch.cuda.set_device(own)
    return own


def _first_to_speak(store: dist.Store) -> bool:
    try:
        return bool(store.add("keycam/errors", 1) == 1)
    except RuntimeError:  # the store went with the rank that kept it
        return True


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


@contextmanager
def _together() -> Iterator[None]:
    """A collective call, which fails at once where a rank has gone."""
    try:
        yield
    except RuntimeError as error:
        raise DataError(
            f"one of the {size()} ranks has gone, so rank {rank()} ends too ({_first_line(error)});"
            " go on with --resume"
        ) from error


def part(count: int) -> slice:
    """Which of `count` samples of the global batch are this rank's.

    Raises:
        DataError: the ranks cannot have equal parts.
    """
    share, rest = divmod(count, size())
    if rest:
        raise DataError(
            f"a batch of {count} has no {size()} equal parts: choose another --set batch=…, or "
            "distil_batch, or number of ranks"
        )
    return slice(rank() * share, (rank() + 1) * share)


def total(value: Tensor) -> Tensor:
    """The sum over ranks, the same bits on each; no gradient flows."""
    return _summed(value.detach()) if active() else value.detach()


def mean(value: Tensor) -> Tensor:
    """The mean over ranks, the same bits on each; no gradient flows."""
    return total(value) / size()


def _summed(value: Tensor) -> Tensor:
    summed = value.detach().clone(memory_format=torch.contiguous_format)
    with _together():
        dist.all_reduce(summed)
    return summed


class _Total(torch.autograd.Function):
    """The sum over ranks; its gradient is the sum of the ranks' gradients."""

    @staticmethod
    def forward(_: object, value: Tensor) -> Tensor:
        return _summed(value)

    @staticmethod
    def backward(_: object, gradient: Tensor) -> Tensor:
        return _summed(gradient)


def differentiable_total(value: Tensor) -> Tensor:
    """The sum over ranks, part of the graph on each of them."""
    return _Total.apply(value) if active() else value


@torch.no_grad()
def gathered(values: Tensor, blocks: int = 1) -> Tensor:
    """The global batch of which `values` (blocks x b, …) is this rank's part, in its order.

    Args:
        blocks: how many global batches `values` has parts of, one behind the other.
    """
    if not active():
        return values.detach()
    own = values.detach().reshape(blocks, -1, *values.shape[1:]).contiguous()
    parts = [torch.empty_like(own) for _ in range(size())]
    with _together():
        dist.all_gather(parts, own)
    return torch.cat(parts, dim=1).flatten(0, 1)


@torch.no_grad()
def average_gradients(parameters: Iterable[Tensor]) -> None:
    """Replace each gradient by its mean over ranks, in one collective call."""
    gradients = [p.grad for p in parameters if p.grad is not None]
    if not active() or not gradients:
        return
    flat = mean(torch.cat([gradient.reshape(-1) for gradient in gradients]))
    for gradient, own in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(own.view(gradient.shape))


def lead(action: Callable[[], object]) -> None:
    """Let rank 0 do what is to be done once, while the others wait.

    Raises:
        DataError: on every rank, what rank 0 met.
    """
    if not active():
        action()
        return
    notice = torch.zeros(NOTICE, dtype=torch.uint8)
    if rank() == 0:
        try:
            action()
        except KeycamError as error:
            text = str(error).encode()[:NOTICE] or b"rank 0 has failed"
            notice[: len(text)] = torch.frombuffer(bytearray(text), dtype=torch.uint8)
    if dist.get_backend() == "nccl":
        notice = notice.cuda()
    with _together():
        dist.broadcast(notice, src=0)
    text = bytes(notice.cpu().tolist()).rstrip(b"\0")
    if text:
        raise DataError(text.decode(errors="ignore"))
