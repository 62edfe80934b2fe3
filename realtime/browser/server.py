"""The server behind the page, on a thread of its own; the loop hands it frames and goes on."""

import asyncio
import logging
from contextlib import suppress
from threading import Event, Thread
from typing import Any

from realtime.browser.desk import Desk
from realtime.browser.link import Place, Serving, code_text
from realtime.browser.offers import Choice, Offers
from realtime.browser.request import MOST_BYTES
from realtime.browser.scene import Scene
from realtime.browser.sink import BrowserSink
from realtime.browser.site import Site

MOST_CONNECTIONS = 64
STOP_S = 5.0

log = logging.getLogger(__name__)


class BrowserServer:
    """Serves the page for one run of the program, whatever is tracked meanwhile.

    `with` starts and stops it.

    Attributes:
        serving: as it was wanted.
        place: where it is.
    """

    def __init__(self, serving: Serving) -> None:
        """
        Raises:
            DataError: the port is taken, or the host is not this machine's.
            ModuleNotFoundError: starlette, uvicorn, websockets or segno is not installed.
        """
        import segno  # noqa: F401 (now, not when it is needed)
        import starlette.websockets  # noqa: F401
        import uvicorn
        import websockets  # noqa: F401

        self._link = serving.bind()
        self.place = Place.of(serving, self._link)
        self.serving = serving
        self.desk = Desk(self.place, serving.looked, serving.patience_s)
        self.site = Site(self.desk, self.place, serving.name, self.tell)
        config = uvicorn.Config(
            self.site,
            http="h11",
            ws="websockets-sansio",
            loop="asyncio",
            lifespan="off",
            log_config=None,
            log_level=logging.CRITICAL,  # it reports every stranger's broken request
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            ws_max_size=MOST_BYTES,
            ws_ping_interval=10,
            ws_ping_timeout=20,
            ws_per_message_deflate=False,
            limit_concurrency=MOST_CONNECTIONS,
            timeout_graceful_shutdown=1,
            h11_max_incomplete_event_size=1 << 14,
        )
        self._uvicorn = uvicorn.Server(config)
        self._ready = Event()
        self._told = False
        self._error: BaseException | None = None
        self._thread = Thread(target=self._run, name="serve the page", daemon=True)

    def __enter__(self) -> "BrowserServer":
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self.desk.end()
        self._uvicorn.should_exit = True
        self._thread.join(STOP_S)
        self._link.close()

    @property
    def url(self) -> str:
        """Of the page, for the next browser; another one as soon as it was used."""
        return self.place.url(self.site.door.token)

    def tell(self, who: str) -> None:
        """Say where the page is; `who` has just used the address that was told before."""
        if not who:
            log.info("the page is at %s", self.url)
            if self.place.abroad:
                log.info("scan it with a phone:\n%s", code_text(self.url))
                log.info("what it shows is not encrypted: serve it in networks you trust")
        else:
            log.info("the page was opened from %s; for another browser: %s", who, self.url)

    def attach(self, scene: Scene) -> BrowserSink:
        """Show a loop from now on, until its sink is closed; the first time, say where."""
        if self._error is not None:
            raise self._error
        if not self._told:
            self._told = True
            self.tell("")
        self.desk.show(scene)
        wait_s = 0.0 if scene.live else self.serving.wait_s
        return BrowserSink(self.desk, scene.controls, self.serving.looked, wait_s)

    def opening(self, offers: Offers) -> None:
        """Say what is being opened."""
        self.desk.opening(offers)

    def refuse(self, why: str) -> None:
        """Say to every page why what was chosen is not shown."""
        self.desk.refuse(why)

    def chosen(self) -> Choice | None:
        """What the page chose since this was asked last; None for nothing."""
        return self.desk.chosen()

    def _run(self) -> None:
        try:
            with asyncio.Runner() as runner:
                runner.run(self._serve())
        except BaseException as error:  # noqa: BLE001 (raised again by the owner)
            self._error = error
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self.desk.open(asyncio.get_running_loop())
        self._ready.set()
        telling: asyncio.Task[Any] = asyncio.create_task(self.desk.tell())
        try:
            await self._uvicorn.serve(sockets=[self._link])
        finally:
            telling.cancel()
            with suppress(asyncio.CancelledError):
                await telling
