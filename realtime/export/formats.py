"""Which formats there are, and the one way to write a session in any of them."""

from importlib import import_module
from pathlib import Path

from engines.errors import DataError
from realtime.export.dlc import scorer
from realtime.export.files import fresh
from realtime.export.rows import Rows
from realtime.session import open_session

TIMES = "_timestamps.csv"  # ends the name of the sidecar of formats that hold no times
FORMATS = {  # name: (module of this package, function in it, ends of the names of its files)
    "dlc": ("dlc", "write_csv", (".csv", TIMES)),
    "dlc-h5": ("dlc", "write_h5", (".h5", TIMES)),
    "sleap": ("sleap", "write_analysis", (".h5", TIMES)),
    "slp": ("slp", "write_slp", (".slp", TIMES)),
    "nwb": ("nwb", "write_nwb", (".nwb",)),
    "coco": ("coco", "write_coco", (".json", "_results.json")),
    "csv": ("tables", "write_long", (".csv",)),
    "csv-wide": ("tables", "write_wide", (".csv",)),
    "parquet": ("tables", "write_parquet", (".parquet",)),
    "rrd": ("rrd", "write_rrd", (".rrd",)),
}


def export(
    session: str | Path, to: str, output: str | Path | None = None, *, raw: bool = False
) -> list[Path]:
    """Write a session in another format; memory holds a chunk of it, whatever its length.

    The frames are numbered as in their source, without holes: those that the source dropped are
    rows without values. Files of these names are replaced, once all of them are complete.

    Args:
        to: a name of FORMATS.
        output: the file; None for one beside the session, named after it.
        raw: keypoints as found, not smoothed.

    Returns:
        The files written, the format's own first, then its sidecars.

    Raises:
        SessionError: the session cannot be read, or the files cannot be written.
        DataError: another format, an ending that is not its own, or too much for the format.
        ModuleNotFoundError: the format needs a package that is not installed.
    """
    if to not in FORMATS:
        raise DataError(f"no format '{to}' to export to; there are {', '.join(FORMATS)}")
    module, function, endings = FORMATS[to]
    if output is not None and Path(output).suffix.lower() != endings[0]:
        raise DataError(f"{output}: a file of format {to} is named *{endings[0]}; rename it so")
    write = getattr(import_module(f"realtime.export.{module}"), function)
    rows = Rows.of(open_session(session), raw=raw)
    first = default_output(rows, to) if output is None else Path(output)
    targets = [first, *(first.with_name(first.stem + ending) for ending in endings[1:])]
    with fresh(targets) as parts:
        write(rows, *parts)
    return targets


def default_output(rows: Rows, to: str) -> Path:
    """Beside the session; DeepLabCut finds its files by the scorer in their names."""
    path = rows.session.path.resolve()
    name = path.name + (scorer(rows) if to.startswith("dlc") else "")
    return path.with_name(name + FORMATS[to][2][0])
