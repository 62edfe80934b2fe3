"""What each rank does in test_world.py: python ranks.py FOLDER, started by `start_ranks`."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from test_pseudo import DotFinder
from torch import nn
from torch.distributed import TCPStore
from toy import TRIANGLE, tiny_config, toy_footage, toy_prior

from engines.errors import DataError
from train import distil, fit, world
from train.batches import Batch
from train.parts import Parts
from train.pool import ImagePool
from train.shared_norm import share_norms
from train.tracker_network import TrackerNetwork

CPU = torch.device("cpu")
STORES: list[TCPStore] = []  # they close when nobody holds them
CONFIG = tiny_config(
    zoom=1.0,
    batch=4,
    distil_batch=4,
    steps=1,
    pretrain_steps=0,
    distil_steps=1,
    held_out=0.0,
    reconstruct_from=0.0,
)


def start_ranks(count: int, arguments: list[str], **environment: str) -> list[subprocess.Popen]:
    """Processes as torchrun starts them, which also keeps the store that they meet in."""
    store = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    STORES.append(store)
    shared = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(store.port)}
    shared |= {"WORLD_SIZE": str(count), "TORCHELASTIC_USE_AGENT_STORE": "True"}
    shared |= {"OMP_NUM_THREADS": "1", **environment}
    return [
        subprocess.Popen(
            [sys.executable, *arguments],
            env={**os.environ, **shared, "RANK": str(number), "LOCAL_RANK": str(number)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(count)
    ]


def whole_batch() -> torch.Tensor:
    """(4, 3, 5, 5), a batch whose samples differ much."""
    rng = np.random.default_rng(0)
    return torch.from_numpy(rng.normal(3, 2, (4, 3, 5, 5)).astype(np.float32))


def normed(batch: torch.Tensor) -> dict[str, torch.Tensor]:
    """Two steps through a batch norm: outputs, gradients and running statistics."""
    network = nn.Sequential(nn.BatchNorm2d(3))
    nn.init.normal_(network[0].weight, generator=torch.Generator().manual_seed(1))
    share_norms(network)
    x = batch.clone().requires_grad_()
    made = network(network(x))
    (made**3).mean().backward()
    world.average_gradients(network.parameters())
    own = {name: value.detach() for name, value in network.state_dict().items()}
    own |= {"made": made.detach(), "weight_grad": network[0].weight.grad, "x_grad": x.grad}
    return own | {"evaluated": network.eval()(x).detach()}


def pooled(images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """What a small pool answers to two rounds of two blocks of images, and what it then holds."""
    pool = ImagePool(5, images.shape[-1])
    for step in range(2):
        answer = pool.query(images[:, :1] + step, np.random.default_rng(step), blocks=2)
    return answer, pool.images


def doubled(function: Any) -> Any:
    """The function with its float32 result, or the batch's, in float64."""

    def wider(*inputs: Any, **more: Any) -> Any:
        made = function(*inputs, **more)
        if isinstance(made, Batch):
            return replace(made, origin=made.origin.astype(np.float64))
        return made.double()

    return wider


def learnt(folder: Path) -> tuple[Parts, TrackerNetwork]:
    """One step of each stage on the toy world; what is returned still holds its gradients.

    In float64, so that what ranks differ by is a mistake and not rounding, which a ReLU or the
    choice of the nearest edge makes large. The networks start with large weights: with the
    official ones all keypoints begin at one place.
    """
    with pytest.MonkeyPatch.context() as patch:
        for name in ("tensor", "draw_poses", "draw_batch"):
            patch.setattr(fit, name, doubled(getattr(fit, name)))
        patch.setattr(distil, "normalised", doubled(distil.normalised))
        torch.set_default_dtype(torch.float64)
        try:
            torch.manual_seed(0)
            parts = Parts(CONFIG, TRIANGLE)
            for layer in parts.modules():
                if isinstance(layer, nn.Conv2d):
                    nn.init.kaiming_normal_(layer.weight)
            share_norms(parts)
            tracker = distil.distil(DotFinder(), toy_footage(), toy_prior(), CONFIG, folder, CPU)
            fit.fit(parts, toy_footage(), toy_prior(), CONFIG, folder, CPU)
        finally:
            torch.set_default_dtype(torch.float32)
    return parts, tracker


def gradients(network: nn.Module) -> dict[str, torch.Tensor]:
    return {name: p.grad for name, p in network.named_parameters() if p.grad is not None}


def refuse() -> None:
    raise DataError("rank 0 said no")


def message(action: Any, *arguments: Any) -> str:
    try:
        action(*arguments)
    except DataError as error:
        return str(error)
    return ""


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    with world.joined(CPU):
        rank, part = world.rank(), world.part(4)
        batch = whole_batch()[part]
        both = torch.cat([whole_batch()[part], 10 + whole_batch()[part]])
        answer, kept = pooled(both)
        found = {
            "normed": normed(batch),
            "gathered": world.gathered(both, blocks=2),
            "mean": world.mean(torch.tensor(float(rank))),
            "pool": (answer, kept),
        }
        torch.save(found, folder / f"found{rank}.pt")
        done: list[int] = []
        world.lead(lambda: done.append(rank))
        told = [message(world.lead, refuse), message(world.part, 3)]
        (folder / f"told{rank}.json").write_text(json.dumps([done, told]))
        torch.save([gradients(own) for own in learnt(folder)], folder / f"learnt{rank}.pt")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
