"""The commands for sessions: thin shells round `validate`, `repair` and `replay`."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from realtime.cli import SECONDS, check_json, device_option, json_option, put, tell, verbose_option
from realtime.live_options import STYLES, filtering, viewing


@click.command()
@click.argument("session", type=click.Path(path_type=Path))
@click.option(
    "--repair", "mend", is_flag=True, help="First cut away an unfinished end; copies are kept."
)
@json_option
@verbose_option
def validate(session: Path, json_file: Path | None, *, mend: bool) -> None:
    """Check a recorded SESSION: schema, times, ledger, events, video. Exit code 1 if not valid."""
    check_json(json_file)
    from realtime.repair import repair
    from realtime.verdict import validate as judge

    kept = [str(copy) for copy in repair(session)] if mend else []
    verdict = judge(session)
    lines = [*(f"repaired, as it was: {copy}" for copy in kept), verdict.to_text()]
    put("\n".join(lines), {**asdict(verdict), "repaired": kept}, json_file)
    if not verdict.valid:
        raise click.exceptions.Exit(1)


@click.command(epilog=STYLES)
@click.argument("session", type=click.Path(path_type=Path))
@click.option(
    "-m", "--model", help="A shipped model, or an .onnx file; else the shipped one that recorded."
)
@click.option(
    "-o",
    "--output",
    "made",
    type=click.Path(path_type=Path),
    metavar="NEW_SESSION",
    help="Record what comes of it.",
)
@click.option("--fast", is_flag=True, help="As fast as possible, not at the recorded pace.")
@click.option("--no-window", is_flag=True, help="Show nothing on the screen.")
@viewing
@filtering
@click.option("--raw", is_flag=True, help="Do not smooth keypoints over time.")
@click.option("--frames", type=click.IntRange(1), metavar="N", help="Stop after N frames.")
@click.option("--seconds", type=SECONDS, metavar="N", help="Stop after N seconds.")
@device_option
@json_option
@verbose_option
def replay(
    session: Path,
    model: str | None,
    made: Path | None,
    frames: int | None,
    seconds: float | None,
    device: str,
    json_file: Path | None,
    *,
    fast: bool,
    no_window: bool,
    raw: bool,
    viewing: Mapping[str, Any],
    filtering: Mapping[str, Any],
) -> None:
    """Track the video of a recorded SESSION once more, with the times of its frames."""
    check_json(json_file)
    from realtime import pipeline
    from realtime.filtering import Filtering
    from realtime.viewing import Viewing

    own: dict[str, Any] = {"viewing": Viewing.of(**viewing), "filtering": Filtering.of(**filtering)}
    wanted = pipeline.Wanted(window=not no_window, session=made, **own)
    report = pipeline.replay(
        session,
        wanted,
        model=model,
        device=device,
        fast=fast,
        smooth=False if raw else None,
        frames=frames,
        seconds=seconds,
    )
    tell(report, wanted, json_file)
