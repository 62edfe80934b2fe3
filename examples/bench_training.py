"""How fast training is: python examples/bench_training.py [--rounds N] [--json FILE]

Preset `compact` against the official networks as they stand (plain_keypointgan.py), at the same
input size, with the same losses, on this machine. Blocks of steps of each are run in turn, each
in a process of its own, so that what else the machine does hits both. On a GPU also: bfloat16,
torch.compile and preset `paper`.

python examples/bench_training.py --reach RUN LABELS [NAME,NAME] tells after how many hours of
training each kept checkpoint of a run reached which error on labelled pictures.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
import torch
from checkpoint_errors import reach
from plain_keypointgan import (
    PlainDecoder,
    PlainDiscriminator,
    PlainEncoder,
    PlainRegressor,
    PlainRenderer,
)
from torch.utils.flop_counter import FlopCounterMode

from engines import Roi, Skeleton
from realtime.machine import machine
from train import fit
from train.accelerate import accelerate
from train.config import Config
from train.losses import freeze
from train.networks import initialise
from train.parts import Parts, Teacher
from train.prior import Prior
from train.videos import Clip, Footage

SKIPPED = 2  # steps at the start of a block, while caches fill
MEGABYTE = 1 << (20 if sys.platform == "darwin" else 10)  # of ru_maxrss
ON_ANY = {  # name: preset and changes
    "compact, before Ψ joins": ("compact", {"reconstruct_from": 1.0}),
    "compact": ("compact", {"reconstruct_from": 0.0}),
    "plain": ("compact", {"reconstruct_from": 0.0, "stem": 1, "regressor_every": 1}),
}
ON_GPU = {
    "compact bf16": ("compact", {"reconstruct_from": 0.0, "precision": "bf16"}),
    "compact bf16 compiled": (
        "compact",
        {"reconstruct_from": 0.0, "precision": "bf16", "compile": True},
    ),
    "paper": ("paper", {}),
    "paper bf16": ("paper", {"precision": "bf16"}),
    "paper bf16 compiled": ("paper", {"precision": "bf16", "compile": True}),
}


class Watch:
    """Stands in for `fit.steps`: what is spent inside `next` is waiting, the rest is the step."""

    def __init__(self, device: torch.device) -> None:
        self.steps = fit.steps
        self.device = device
        self.waits: list[float] = []
        self.walls: list[float] = []
        self.cpus: list[float] = []

    def __call__(self, *arguments):
        samples = self.steps(*arguments)
        while True:
            asked, busy = time.perf_counter(), time.process_time()
            sample = next(samples, None)
            if sample is None:
                return
            given = time.perf_counter()
            yield sample
            if self.device.type == "cuda":
                torch.cuda.synchronize()
            self.waits.append(given - asked)
            self.walls.append(time.perf_counter() - asked)
            self.cpus.append(time.process_time() - busy)


def config_of(name: str, steps: int, *, tiny: bool) -> Config:
    preset, changes = (ON_ANY | ON_GPU)[name]
    own = {"precision": "fp32", "perceptual": "filters", "steps": steps, **changes}
    if tiny:
        own |= {"batch": 2}
    return Config.of_preset(preset).with_changes(**own)


def parts_of(name: str, config: Config, skeleton: Skeleton, device: torch.device) -> Parts:
    parts = Parts(config, skeleton)
    if name == "plain":
        size, points = config.size, len(skeleton.keypoints)
        parts.encoder, parts.regressor = PlainEncoder(), PlainRegressor(points)
        parts.decoder = PlainDecoder()
        parts.discriminator = PlainDiscriminator(min(3, size.bit_length() - 5))
        for network in (parts.encoder, parts.regressor, parts.decoder, parts.discriminator):
            initialise(network)
        parts.renderer = PlainRenderer(skeleton.edges, size, 0.2)
        parts.teacher = Teacher(PlainEncoder(), PlainRegressor(points))
        freeze(parts.teacher)
        parts.to(memory_format=torch.contiguous_format)
    parts.to(device)
    accelerate(parts, config, device)
    return parts


def noise(config: Config, skeleton: Skeleton) -> tuple[Footage, Prior]:
    """Pictures and poses of the usual sizes; what they show does not change the cost."""
    rng = np.random.default_rng(0)
    side = config.kept_side
    images = [rng.integers(0, 256, (side, side, 3), np.uint8) for _ in range(40)]
    clip = Clip("noise", images, [Roi.of_frame(side, side)] * len(images))
    poses = rng.normal(0, 0.3, (100, len(skeleton.keypoints), 2)).astype(np.float32)
    return Footage((clip,)), Prior(poses, skeleton)


def block(name: str, steps: int, device: torch.device, *, tiny: bool) -> dict[str, float]:
    """Run `steps` joint steps after a few for warmth, and count a sample's operations."""
    skeleton = Skeleton.load("face68")
    config = config_of(name, steps + SKIPPED + 1, tiny=tiny)
    footage, prior = noise(config, skeleton)
    torch.manual_seed(0)
    parts = parts_of(name, config, skeleton, device)
    fit.steps = watch = Watch(device)
    with tempfile.TemporaryDirectory() as folder:
        fit.fit(parts, footage, prior, config, Path(folder), device)
    used = slice(SKIPPED, SKIPPED + steps)  # the last step also writes the checkpoint
    if device.type == "cuda":
        memory = torch.cuda.max_memory_allocated() / 1e6
    else:
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MEGABYTE
    found = {
        "step_ms": 1e3 * median(watch.walls[used]),
        "cpu_ms": 1e3 * median(watch.cpus[used]),
        "wait_share": sum(watch.waits[used]) / sum(watch.walls[used]),
        "memory_mb": memory,
        "batch": config.batch,
    }
    pair = config.with_changes(steps=2, batch=2, compile=False, held_out=0.0)
    fresh = parts_of(name, pair, skeleton, device)
    with FlopCounterMode(display=False) as counter, tempfile.TemporaryDirectory() as folder:
        fit.fit(fresh, footage, prior, pair, Path(folder), device)
    half = name.count("bf16") > 0
    found["gflop"] = counter.get_total_flops() / 4 / 1e9  # two steps of two samples
    found["peak_gflops"] = matmul_peak(device, torch.bfloat16 if half else torch.float32)
    return found


def matmul_peak(device: torch.device, kind: torch.dtype) -> float:
    """The best of ten large matrix products, in 1e9 operations a second."""
    side = 8192 if device.type == "cuda" else 1024
    a, b = (torch.randn(side, side, device=device).to(kind) for _ in range(2))
    best = float("inf")
    for _ in range(10):
        start = time.perf_counter()
        a @ b
        if device.type == "cuda":
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - start)
    return 2 * side**3 / best / 1e9


def in_process(name: str, options: argparse.Namespace) -> dict[str, float]:
    command = [sys.executable, __file__, "--block", name, "--steps", str(options.steps)]
    command += ["--device", options.device, "--threads", str(options.threads)]
    command += ["--tiny"] if options.tiny else []
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def summary(blocks: list[dict[str, float]]) -> dict[str, float]:
    """Of one contestant's blocks: median rate with its range, and shares."""
    rates = sorted(1e3 * own["batch"] / own["step_ms"] for own in blocks)
    speeds = [
        own["gflop"] * own["batch"] / own["step_ms"] * 1e3 / own["peak_gflops"] for own in blocks
    ]
    return {
        "samples_per_s": median(rates),
        "slowest": rates[0],
        "fastest": rates[-1],
        "cpu_ms_per_sample": median(own["cpu_ms"] / own["batch"] for own in blocks),
        "gflop_per_sample": blocks[0]["gflop"],
        "share_of_peak": median(speeds),
        "wait_share": median(own["wait_share"] for own in blocks),
        "memory_mb": max(own["memory_mb"] for own in blocks),
    }


def ratios(rounds: dict[str, list[dict[str, float]]], time_key: str) -> list[float]:
    """Round by round: the time of a plain step over that of a step of compact, over a whole run
    in which the decoder joins after `reconstruct_from` of the steps."""
    share = Config.of_preset("compact").reconstruct_from
    early, late, plain = ([own[time_key] for own in rounds[name]] for name in ON_ANY)
    return sorted(
        p / (share * e + (1 - share) * c) for e, c, p in zip(early, late, plain, strict=True)
    )


def main(options: argparse.Namespace) -> None:
    names = [*ON_ANY, *(ON_GPU if options.device == "cuda" else ())]
    rounds: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    for _ in range(options.rounds):
        for name in names:
            rounds[name].append(in_process(name, options))
    rows = {name: summary(blocks) for name, blocks in rounds.items()}
    print(f"{'':24}{'samples/s':>10}{'range':>16}{'CPU ms':>8}{'GFLOP':>7}{'of peak':>8}", end="")
    print(f"{'waits':>7}{'MB':>7}")
    for name, row in rows.items():
        spread = f"{row['slowest']:.1f} to {row['fastest']:.1f}"
        print(
            f"{name:24}{row['samples_per_s']:10.1f}{spread:>16}{row['cpu_ms_per_sample']:8.1f}"
            f"{row['gflop_per_sample']:7.2f}{row['share_of_peak']:8.1%}{row['wait_share']:7.1%}"
            f"{row['memory_mb']:7.0f}"
        )
    result = {"machine": machine(), "torch": torch.__version__, "threads": options.threads}
    for key, word in (("step_ms", "wall"), ("cpu_ms", "CPU")):
        found = ratios(rounds, key)
        low, high = found[0], found[-1]
        print(f"compact / plain, {word} time: {median(found):.1f} ({low:.1f} to {high:.1f})")
        result[f"ratio_{word.lower()}"] = found
    if options.json:
        options.json.write_text(json.dumps({**result, "runs": rows}, indent=1) + "\n")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=10, help="measured in each block")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument(
        "--device", choices=("cpu", "cuda"), default="cuda" if torch.cuda.is_available() else "cpu"
    )
    parser.add_argument("--json", type=Path)
    parser.add_argument("--tiny", action="store_true", help="small batches: to try this program")
    parser.add_argument("--reach", nargs="+", metavar="RUN LABELS [NAME,NAME]")
    parser.add_argument("--block", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    wanted = arguments()
    torch.set_num_threads(wanted.threads)
    if wanted.reach:
        reach(*wanted.reach)
    elif wanted.block:
        own = torch.device(wanted.device)
        print(json.dumps(block(wanted.block, wanted.steps, own, tiny=wanted.tiny)))
    else:
        main(wanted)
