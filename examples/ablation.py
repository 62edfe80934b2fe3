"""What each part of the method is worth: one row of the ablation table by one command.

python examples/ablation.py ROW VIDEOS --skeleton S --prior P --labels LABELS -o DIR
    [--norm A,B] [--seeds 0,1,2] [--set NAME=VALUE ...]

Trains preset `compact` with what ROW changes, once for each seed, and prints a line of a table:
errors of the teacher and of the tracker network on the labels (normalised with --norm, else in
pixels), mean and range over the seeds, and the last reconstruction loss. Runs lie in DIR/ROW-SEED;
those that are finished are not trained again. --set shortens them; use the same for all rows.
`python examples/ablation.py list` names the rows.
"""

import argparse
import json
from pathlib import Path
from statistics import mean

import torch

from engines import Skeleton, load
from train.config import Config
from train.evaluate import evaluate
from train.prior import load_prior
from train.run import Task, train

ROWS = {
    "compact": {},
    "pixels": {"perceptual": "pixels"},
    "vgg": {"perceptual": "vgg"},
    "vgg-relu": {"perceptual": "vgg-relu"},
    "thin-drawing": {"sigma": 0.2},
    "wide": {"encoder_width": 32, "regressor_width": 32},
    "no-discriminator": {"adversarial_weight": 0.0},
    "no-bottleneck": {"bottleneck": False},
    "fixed-regressor": {"prior_weight": 0.0, "redraw_weight": 0.0},
    "no-reconstruction": {"reconstruct_from": 1.0},
    "no-equivariance": {"equivariance_weight": 0.0},
    "no-average": {"average": 0.0},
    "one-round": {"rounds": 1},
    "prior-50": {},
    "prior-200": {},
    "prior-1000": {},
}


def subset(prior: Path, skeleton: Skeleton, count: int, seed: int, folder: Path) -> Path:
    """A table of `count` poses of the prior, framed as they were."""
    chosen = load_prior(prior, skeleton, "frame").subset(count, seed)
    path = folder / f"prior-{count}-{seed}.csv"
    side = 1000
    lines = ["width,height," + ",".join(f"{n}_x,{n}_y" for n in skeleton.keypoints)]
    for pose in (chosen.poses + 1) * (side / 2) - 0.5:
        lines.append(f"{side},{side}," + ",".join(f"{value:.3f}" for value in pose.reshape(-1)))
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    return path


def run(options: argparse.Namespace, seed: int) -> dict[str, float]:
    """Train one seed, unless that is done; its figures."""
    folder = options.output / f"{options.row}-{seed}"
    skeleton = Skeleton.load(options.skeleton)
    prior = options.prior
    if options.row.startswith("prior-"):
        count = int(options.row.removeprefix("prior-"))
        prior = subset(prior, skeleton, count, seed, options.output)
    config = Config.of_preset("compact").with_texts(options.set)
    config = config.with_changes(seed=seed, **ROWS[options.row])
    if not (folder / "model.onnx").exists():
        task = Task(
            videos=tuple(options.videos),
            skeleton=skeleton,
            prior=prior,
            cache=options.output / "footage",
        )
        train(task, config, folder, resume=folder.exists(), device=torch.device(options.device))
    norm = tuple(options.norm.split(",")) if options.norm else None
    figures = {}
    for name in ("teacher", "model"):
        engine = load(str(folder / f"{name}.onnx"), device="cpu")
        table = evaluate(engine, options.labels, norm=norm, roi=options.roi).to_dict()
        engine.close()
        figures[name] = table["nme"]["mean"] if norm else table["error_px"]["swap_forgiving_mean"]
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    seen = [line["perceptual"] for line in lines if "perceptual" in line]
    figures["loss"] = seen[-1] if seen else float("nan")
    return figures


def said(values: list[float]) -> str:
    spread = f" ({min(values):.3f} to {max(values):.3f})" if len(values) > 1 else ""
    return f"{mean(values):.3f}{spread}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("row", choices=[*ROWS, "list"])
    parser.add_argument("videos", nargs="*", type=Path)
    parser.add_argument("--skeleton")
    parser.add_argument("--prior", type=Path)
    parser.add_argument("--labels", type=Path)
    parser.add_argument("-o", "--output", type=Path)
    parser.add_argument("--norm")
    parser.add_argument("--roi", choices=["frame", "motion"], default="frame")
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    options = parser.parse_args()
    if options.row == "list":
        print("\n".join(f"{name}: {changes or 'as it is'}" for name, changes in ROWS.items()))
        return
    if not (options.videos and options.skeleton and options.prior and options.labels):
        parser.error("a row needs VIDEOS, --skeleton, --prior, --labels and -o")
    made = [run(options, int(seed)) for seed in options.seeds.split(",")]
    columns = [said([one[name] for one in made]) for name in ("teacher", "model", "loss")]
    print("| row | teacher | tracker | reconstruction |\n|---|---|---|---|")
    print(f"| {options.row} | {' | '.join(columns)} |")


if __name__ == "__main__":
    main()
