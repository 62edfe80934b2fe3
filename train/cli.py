"""The training commands of `keycam`: thin shells round public functions."""

from pathlib import Path
from typing import Any

import click

from engines.skeleton import Skeleton


@click.command(short_help="learn a model from unlabelled video")
@click.argument("videos", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--skeleton", required=True, help="A built-in name or a TOML file.")
@click.option("--prior", required=True, type=click.Path(path_type=Path), help="Unpaired poses.")
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="Run folder.")
@click.option("--preset", type=click.Choice(["compact", "paper"]), default="compact")
@click.option("--roi", type=click.Choice(["auto", "frame", "motion"]), default="auto")
@click.option("--resume", is_flag=True, help="Go on with the run in the folder.")
@click.option("--threads", type=click.IntRange(1), help="CPU threads (default: all).")
@click.option("--device", default="cpu", help="cpu or cuda[:N].", show_default=True)
@click.option("--name", default="model", help="What the model calls itself.")
@click.option("--data", default="", help="What the videos are, for the model's card.")
@click.option("--licence", default="", help="Licence of the weights, for the model's card.")
@click.option("--set", "changes", multiple=True, metavar="NAME=VALUE", help="Any setting.")
def train(
    videos: tuple[Path, ...],
    skeleton: str,
    prior: Path,
    output: Path,
    preset: str,
    changes: tuple[str, ...],
    threads: int | None,
    device: str,
    *,
    resume: bool,
    **task: Any,
) -> None:
    """Learn keypoints from VIDEOS (files, or folders of videos or pictures) without labels."""
    import torch

    from train.config import Config
    from train.run import Task
    from train.run import train as run

    if threads:
        torch.set_num_threads(threads)
    config = Config.of_preset(preset).with_texts(changes)
    job = Task(videos=videos, skeleton=Skeleton.load(skeleton), prior=prior, **task)
    model = run(job, config, output, resume=resume, device=torch.device(device))
    click.echo(f"{model}: try it with  keycam run 0 -m {model}")
