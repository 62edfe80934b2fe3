"""The command line's options for the page. Only click is imported here."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import click

from realtime.browser import LOCAL, USUAL_PORT

F = TypeVar("F", bound=Callable[..., Any])


def serving(function: F) -> F:
    """Options that become one argument `serve`: a Serving, or None for no page."""

    @wraps(function)
    def shell(*args: Any, serve: bool, host: str | None, port: int | None, **options: Any) -> Any:
        from realtime.browser.link import Serving

        asked = serve or host is not None or port is not None
        where = Serving(host=host or LOCAL, port=port) if asked else None
        return function(*args, serve=where, **options)

    options = [
        click.option("--serve", is_flag=True, help="Show it on a page in the browser."),
        click.option(
            "--host",
            metavar="ADDRESS",
            help=f"Where to serve the page, in place of {LOCAL}; 0.0.0.0 for phones, by QR code.",
        ),
        click.option(
            "--port", type=click.IntRange(0, 65535), help=f"Its port, in place of {USUAL_PORT}."
        ),
    ]
    made: Callable[..., Any] = shell
    for option in reversed(options):
        made = option(made)
    return made  # type: ignore[return-value]
