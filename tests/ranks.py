"""What each rank does in test_world.py: python ranks.py FOLDER, started by `start_ranks`."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from test_distil import DotFinder
from torch import nn
from toy import TRIANGLE, tiny_config, toy_footage, toy_prior

from engines.errors import DataError
from train import world
from train.config import Config
from train.distil import distil
from train.fit import fit
from train.parts import Parts
from train.pool import ImagePool
from train.shared_norm import share_norms
from train.tracker_network import TrackerNetwork

CPU = torch.device("cpu")
CONFIG = tiny_config(
    zoom=1.0,
    batch=4,
    distil_batch=4,
    steps=1,
    pretrain_steps=0,
    distil_steps=1,
    reconstruct_from=0.0,
)


def start_ranks(count: int, arguments: list[str], **environment: str) -> list[subprocess.Popen]:
    """Processes as torchrun starts them, each to be waited for by its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shared = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": str(count)}
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


def learnt(folder: Path, config: Config = CONFIG) -> tuple[Parts, TrackerNetwork]:
    """One step of each stage on the toy world; what is returned still holds its gradients.

    The networks start with large weights: with the official ones all keypoints begin at one place,
    and which edge is nearest is then decided by rounding.
    """
    torch.manual_seed(0)
    parts = Parts(config, TRIANGLE)
    for layer in parts.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight)
    share_norms(parts)
    tracker = distil(DotFinder(), toy_footage(), TRIANGLE, config, folder, CPU)
    fit(parts, toy_footage(), toy_prior(), config, folder, CPU)
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
