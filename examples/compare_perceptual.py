"""What the perceptual loss is worth: two decoders learn from one run's teacher, and are compared.

python examples/compare_perceptual.py RUN VIDEOS [STEPS]

Each decoder sees the same pictures in the same order and differs in its loss alone. Printed for
pictures drawn later: the mean squared difference of pixels, the loss of oriented edges, and how
far the teacher finds the keypoints of the rebuilt picture from those it was drawn with, in units
of half a crop.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import mse_loss

from engines import Skeleton
from train import checkpoint
from train.batches import ahead, draw_batch, tensor
from train.config import Config
from train.footage import load_footage
from train.networks import Decoder, initialise
from train.parts import Parts, update
from train.perceptual import Filters, perceptual_loss
from train.videos import Footage

CPU = torch.device("cpu")
TEST_BATCHES = 20

Pictures = tuple[Tensor, Tensor]


def pictures(footage: Footage, config: Config, purpose: int, count: int):
    """Batches of (frames, other frames of the same clips)."""

    def draw(step: int) -> Pictures:
        rng = np.random.default_rng((purpose, step))
        batch = draw_batch(footage, config, rng, any_turn=False)
        return tensor(batch.frames, CPU), tensor(batch.others, CPU)

    return ahead(draw, 0, count)


def learn(parts: Parts, kind: str, footage: Footage, config: Config, steps: int) -> Decoder:
    torch.manual_seed(0)
    decoder = Decoder(config.decoder_width, config.stem, config.decoder_downs)
    initialise(decoder)
    loss = perceptual_loss(kind)
    optimiser = torch.optim.Adam(decoder.parameters(), config.rate, betas=(0.5, 0.999))
    for frames, others in pictures(footage, config, 1, steps):
        drawing = parts.renderer(parts.teacher(frames))
        update(optimiser, loss(decoder(drawing, others), frames), clip=1e9)
    return decoder


@torch.no_grad()
def measure(parts: Parts, decoder: Decoder, footage: Footage, config: Config) -> list[float]:
    decoder.eval()
    edges = Filters()
    rows = []
    for frames, others in pictures(footage, config, 2, TEST_BATCHES):
        keypoints = parts.teacher(frames)
        rebuilt = decoder(parts.renderer(keypoints), others)
        shape = [mse_loss(a, b) for a, b in zip(edges(rebuilt), edges(frames), strict=True)][1:]
        again = (parts.teacher(rebuilt) - keypoints).norm(dim=-1).mean()
        rows.append([float(mse_loss(rebuilt, frames)), float(sum(shape)), float(again)])
    return np.mean(rows, axis=0).tolist()


def main(run: Path, videos: Path, steps: int) -> None:
    config = Config.from_json((run / "config.json").read_text())
    config = config.with_changes(equivariance_weight=0.0)  # only pairs are needed
    skeleton = Skeleton.from_dict(json.loads((run / "skeleton.json").read_text()))
    parts = Parts(config, skeleton)
    checkpoint.load(run / "joint", parts, {})
    parts.teacher.eval()
    footage, _ = load_footage([videos], "frame", config.kept_side)
    print(f"{'loss':8}  {'pixels':>7}  {'edges':>7}  {'re-tracked':>10}")
    for kind in ("pixels", "filters"):
        decoder = learn(parts, kind, footage, config, steps)
        pixels, edges, again = measure(parts, decoder, footage, config)
        print(f"{kind:8}  {pixels:7.4f}  {edges:7.4f}  {again:10.4f}", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 600)
