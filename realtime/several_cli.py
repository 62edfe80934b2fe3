"""What `run` and `record` do with the sources they are given: a thin shell round two functions."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from realtime.cli import check_json, put, summary, watch
from realtime.filtering import Filtering
from realtime.pipeline import Wanted
from realtime.several import Followed, watch_all
from realtime.viewing import Viewing


def watch_each(sources: tuple[str, ...], wanted: Mapping[str, Any], **options: Any) -> None:
    """Call `realtime.pipeline.watch`, or of several sources `watch_all`, and print the report."""
    if len(sources) == 1:
        watch(sources[0], wanted, **options)
    elif wanted.get("serve") is not None:
        raise click.UsageError("--serve is for one source, not for several")
    else:
        _watch_all(sources, wanted, **options)


def _watch_all(
    sources: tuple[str, ...],
    wanted: Mapping[str, Any],
    *,
    viewing: Mapping[str, Any],
    filtering: Mapping[str, Any],
    raw: bool,
    json_file: Path | None,
    **options: Any,
) -> None:
    """Exit code 2 if a source failed."""
    check_json(json_file)
    own: dict[str, Any] = {"viewing": Viewing.of(**viewing), "filtering": Filtering.of(**filtering)}
    followed = watch_all(sources, Wanted(**wanted, **own), smooth=not raw, **options)
    put("\n\n".join(map(_text, followed)), [one.to_dict() for one in followed], json_file)
    if any(one.error for one in followed):
        raise click.exceptions.Exit(2)


def _text(own: Followed) -> str:
    text = str(own.error) if own.report is None else summary(own.report, own.wanted)
    return f"{own.source}\n{text}"
