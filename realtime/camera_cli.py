"""The command that lists cameras: a thin shell round `realtime.cameras`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from realtime.cli import check_json, json_option, put, verbose_option

if TYPE_CHECKING:
    from realtime.v4l2 import Mode


@click.command()
@json_option
@verbose_option
def cameras(json_file: Path | None) -> None:
    """List the cameras of this machine, and in which modes each can be asked to work."""
    check_json(json_file)
    from dataclasses import asdict

    from realtime.cameras import cameras as find
    from realtime.cameras import modes

    found = [(own, modes(own)) for own in find()]
    lines = []
    for own, every in found:
        lines.append(f"{own.index:>3}  {own.name}  ({own.id})")
        lines += [f"     {line}" for line in mode_lines(every)]
    text = "\n".join(lines) or "no cameras found; a file, an address or synthetic: will do too"
    rows = [{**vars(own), "modes": [asdict(mode) for mode in every]} for own, every in found]
    put(text, rows, json_file)


def mode_lines(modes: Sequence["Mode"]) -> list[str]:
    """One line for each way to send pixels, with its sizes and their rates."""
    lines: dict[str, list[str]] = {}
    for mode in modes:
        sizes = "x".join(map(str, mode.size))
        if mode.least is not None:
            sizes = f"{'x'.join(map(str, mode.least))} to {sizes}"
        rates = ", ".join(f"{rate:g}" for rate in mode.fps)
        lines.setdefault(mode.pixels, []).append(f"{sizes} at {rates}" if rates else sizes)
    return [f"{pixels:<4}  {'; '.join(sizes)}" for pixels, sizes in lines.items()]
