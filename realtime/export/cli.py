"""The commands that show sessions to others: thin shells round public functions."""

from pathlib import Path

import click

from realtime.cli import verbose_option
from realtime.export.formats import FORMATS
from realtime.export.plot import KINDS

raw_option = click.option("--raw", is_flag=True, help="Keypoints as found, not smoothed.")


@click.command()
@click.argument("session", type=click.Path(path_type=Path))
@click.option(
    "--to", "format_name", required=True, type=click.Choice(list(FORMATS)), help="The format."
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="File to write; by default beside the session, named after it.",
)
@raw_option
@verbose_option
def export(session: Path, format_name: str, output: Path | None, *, raw: bool) -> None:
    """Write SESSION, a recorded folder, in another program's format.

    \b
    dlc, dlc-h5     DeepLabCut predictions, CSV or HDF5
    sleap, slp      SLEAP analysis file, HDF5; SLEAP's own file
    nwb             Neurodata Without Borders with ndx-pose
    coco            COCO keypoints, data set and results
    csv, csv-wide   a row per point; a row per frame
    parquet         the same as csv-wide, typed
    rrd             Rerun viewer
    """
    from realtime.export.formats import export as write

    for path in write(session, format_name, output, raw=raw):
        click.echo(path)


@click.command()
@click.argument("session", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    required=True,
    help=".png or .svg to write.",
)
@click.option(
    "--kind", type=click.Choice(KINDS), default="all", show_default=True, help="What to draw."
)
@raw_option
@verbose_option
def plot(session: Path, output: Path, kind: str, *, raw: bool) -> None:
    """Draw SESSION: trajectories, positions over time, latencies, and the ledger of frames."""
    from realtime.export.plot import plot as draw

    click.echo(draw(session, output, kind=kind, raw=raw))
