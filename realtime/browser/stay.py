"""The page stays while what it shows is opened anew with another camera or model."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from engines.engine import Engine
from engines.errors import KeycamError
from realtime.browser.link import Serving
from realtime.browser.offers import Choice, Offers
from realtime.browser.scene import Scene
from realtime.browser.server import BrowserServer
from realtime.browser.sink import BrowserSink
from realtime.controls import Controls
from realtime.loop import Report
from realtime.source import Source
from realtime.viewing import Viewing


@dataclass(frozen=True)
class Page:
    """The page for one run of the loop; `offers` is None where nothing else can be chosen."""

    server: BrowserServer
    offers: Offers | None

    def viewing(self, own: Viewing) -> Viewing:
        """How it was drawn when another source was shown; `own` if there was none."""
        last = self.server.desk.settings
        return own if last is None else replace(own, style=last.style, mirrored=last.mirrored)

    def sink(self, source: Source, engine: Engine, controls: Controls) -> BrowserSink:
        """Show `source` from now on."""
        return self.server.attach(Scene.of(source, engine, controls, self.offers))


def stay(
    serving: Serving | None,
    first: Choice,
    run: Callable[[Choice, Page | None], Report],
    *,
    choosing: bool,
) -> Report:
    """Serve the page as long as something is tracked: `first`, then what the page chooses.

    What cannot be opened, or dies, is said in the page, and what was tracked before is opened
    again; if that fails as well, or there was nothing before, the error is raised.

    Args:
        serving: None for no page; then `first` is tracked and that is all.
        run: tracks a choice and shows it in the page, until it ends or another is chosen.
        choosing: whether the page may choose.

    Returns:
        The report of the last run.
    """
    if serving is None:
        return run(first, None)
    offers = Offers.find(first) if choosing else None
    with BrowserServer(serving) as server:
        now: Choice = first
        before: Choice | None = None
        while True:
            try:
                report = run(now, Page(server, offers and replace(offers, now=now)))
            except KeycamError as error:
                if before is None:
                    raise
                server.refuse(str(error))
                now, before = before, None
            else:
                chosen = server.chosen()
                if chosen is None:
                    return report
                now, before = chosen, now
            if offers is not None:
                server.opening(replace(offers, now=now))
