"""The command `keycam train-decoder`."""

import shlex
import sys
from pathlib import Path
from typing import Any

import click


@click.command("train-decoder")
@click.argument("videos", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("-m", "--model", default="face68", show_default=True, help="Tracker to obey.")
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="Run folder.")
@click.option(
    "--from",
    "begin",
    type=click.Path(path_type=Path),
    metavar="RUN",
    help="Begin with the weights of another run, as for video of your own.",
)
@click.option("--resume", is_flag=True, help="Go on with the run in the folder.")
@click.option("--threads", type=click.IntRange(1), help="CPU threads (default: all).")
@click.option("--device", default="auto", help="auto, cpu or cuda[:N].", show_default=True)
@click.option(
    "--cache",
    type=click.Path(path_type=Path),
    help="Folder for decoded frames, which runs may share (default: footage/ in the run's).",
)
@click.option("--name", default="decoder", help="What the decoder calls itself.")
@click.option("--data", default="", help="What the videos are, for the decoder's card.")
@click.option("--licence", default="", help="Licence of the weights, for the decoder's card.")
@click.option("--set", "changes", multiple=True, metavar="NAME=VALUE", help="Any setting.")
def train_decoder(
    output: Path,
    threads: int | None,
    device: str,
    changes: tuple[str, ...],
    *,
    resume: bool,
    **task: Any,
) -> None:
    """Learn to re-pose a picture from VIDEOS (files, or folders of videos or pictures).

    The tracker says where the keypoints are; no label is needed. In the end OUTPUT holds
    decoder.onnx; sheets/ shows how it comes along.
    """
    import torch

    from train import decoder_run
    from train.decoder_config import DecoderConfig
    from train.run import pick_device

    if threads:
        torch.set_num_threads(threads)
    made = decoder_run.train_decoder(
        decoder_run.DecoderTask(command=shlex.join(["keycam", *sys.argv[1:]]), **task),
        DecoderConfig().with_texts(changes),
        output,
        resume=resume,
        device=pick_device(device),
    )
    click.echo(f"decoder  {made}, {made.stat().st_size / 1e6:.1f} MB")
    click.echo(f"next     keycam eval {shlex.quote(str(made))} --repose FRAMES")
