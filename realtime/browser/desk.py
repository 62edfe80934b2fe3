"""What joins the loop to the pages that look on: frames go out, wishes come in."""

import asyncio
import logging
from contextlib import suppress
from math import inf
from threading import Event, Lock
from time import monotonic, monotonic_ns

from engines.errors import DataError
from realtime.browser.link import Place, code_rows
from realtime.browser.offers import Choice, Offers
from realtime.browser.request import Ask, Choose, Invite, Ping, Request, Seen, View
from realtime.browser.scene import Scene, message
from realtime.browser.studio import Shot, Studio
from realtime.browser.viewer import Viewer
from realtime.controls import Action, Settings
from realtime.frame import Frame, Pose
from realtime.timing import Timings

TELL_S = 0.25  # between two messages with the numbers

log = logging.getLogger(__name__)


class Desk:
    """One for the whole life of the server.

    `show`, `take`, `detach`, `opening`, `refuse`, `chosen` and `end` are called on the loop's
    thread, `enter`, `leave` and `answer` on the server's.

    Attributes:
        settings: of the controls when the last source was let go; None before.
    """

    def __init__(self, place: Place, looked: Event, patience_s: float | None) -> None:
        """
        Args:
            looked: set when the first page comes.
            patience_s: end the loop when nobody has looked for so long; None to go on.
        """
        self.settings: Settings | None = None
        self._place = place
        self._looked = looked
        self._patience_s = patience_s
        self._lock = Lock()
        self._viewers: dict[Viewer, None] = {}
        self._scene: Scene | None = None
        self._stats: Timings | None = None
        self._last: Shot | None = None
        self._sequence = 0
        self._choice: Choice | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._quiet_s = monotonic()  # since when nobody looks
        self._studio = Studio(lambda: list(self._viewers), self._wake, pictures=self._in_colour)

    @property
    def alone_s(self) -> float:
        """For how long nobody has looked."""
        return 0.0 if self._viewers else monotonic() - self._quiet_s

    def open(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    # ---------------------------------------------------------------- the loop's side

    def show(self, scene: Scene) -> None:
        """The frames to come are of `scene`."""
        with self._lock:
            self._scene, self._stats, self._last, self._choice = scene, None, None, None
        self._send_all(self._hello(scene))

    def take(self, frame: Frame, pose: Pose, stats: Timings) -> None:
        self._stats = stats
        self._sequence += 1
        self._last = shot = Shot(self._sequence, frame, pose, stats.age_ms)
        if self._viewers:
            self._studio.put(shot)

    def detach(self) -> None:
        """No more frames come of what was shown."""
        with self._lock:
            if self._scene is not None:
                self.settings = self._scene.controls.state
            self._scene = self._stats = self._last = None

    def opening(self, offers: Offers) -> None:
        table = offers.to_dict()
        what = f"{table['sources'][table['source']]}, {table['models'][table['model']]}"
        self._send_all(message("opening", {"what": what}))

    def refuse(self, why: str) -> None:
        self._send_all(message("refused", {"why": why}))

    def chosen(self) -> Choice | None:
        with self._lock:
            choice, self._choice = self._choice, None
            return choice

    def end(self) -> None:
        self._send_all(message("end", {}))
        self._studio.close()

    # ---------------------------------------------------------------- the pages' side

    def enter(self, viewer: Viewer) -> None:
        """A page looks on from now on."""
        with self._lock:
            scene, last = self._scene, self._last
            self._viewers[viewer] = None
        self._looked.set()
        if scene is not None:
            viewer.put_text(self._hello(scene))
            viewer.put_text(scene.status(self._stats, len(self._viewers)))
        viewer.wake.set()
        if last is not None:  # which may be all there is for a while
            self._studio.put(last)

    def leave(self, viewer: Viewer) -> None:
        with self._lock:
            self._viewers.pop(viewer, None)
            self._quiet_s = monotonic()
        if viewer.skipped:
            log.debug("a page could not follow: %d pictures were left out", viewer.skipped)

    def full(self, most: int) -> bool:
        return len(self._viewers) >= most

    def answer(self, viewer: Viewer, request: Request, invite: str | None) -> None:
        """Do what a page asks; `invite` is a token, if it asks for one and may have it.

        Raises:
            DataError: that cannot be done.
        """
        match request:
            case Seen():
                viewer.saw(request)
            case View():
                viewer.look(request)
            case Ping():
                table = {"sent": request.sent_ms, "now": monotonic_ns() / 1e6}
                viewer.put_text(message("pong", table))
            case Invite() if invite is not None:
                url = self._place.url(invite)
                viewer.put_text(message("invited", {"url": url, "code": code_rows(url)}))
            case Ask() | Choose():
                self._ask(request)
        viewer.wake.set()

    async def tell(self) -> None:
        """Send the numbers several times a second, and what changed as soon as it did."""
        while True:
            scene = self._scene
            if scene is not None:
                self._tell(scene)
            before = scene and scene.controls.state
            for _ in range(5):
                await asyncio.sleep(TELL_S / 5)
                if self._scene is not scene or (scene and scene.controls.state) != before:
                    break

    def _tell(self, scene: Scene) -> None:
        if self._viewers:
            try:
                self._send_all(scene.status(self._stats, len(self._viewers)))
            except Exception:  # the next numbers will do, and the mistake is ours
                log.exception("no numbers for the page")
        if self.alone_s > (self._patience_s or inf):
            scene.controls.ask(Action.QUIT)

    def _ask(self, request: Ask | Choose) -> None:
        with self._lock:
            scene = self._scene
            if scene is None:
                raise DataError("nothing is shown just now; ask again in a moment")
            if isinstance(request, Choose):
                if scene.offers is None:
                    raise DataError("another camera or model cannot be chosen in this run")
                choice = scene.offers.choose(request.source, request.model)
                if choice == scene.offers.now:
                    return
                self._choice = choice
        if isinstance(request, Choose):
            scene.controls.ask(Action.QUIT)
        else:
            scene.controls.ask(request.action, request.value)

    def _hello(self, scene: Scene) -> str:
        return scene.to_json(invites=self._place.abroad)

    def _in_colour(self) -> bool:
        """Whether the picture is seen behind the keypoints."""
        scene = self._scene
        return scene is None or not scene.controls.state.style.black

    def _send_all(self, text: str) -> None:
        for viewer in list(self._viewers):
            viewer.put_text(text)
            self._wake(viewer)

    def _wake(self, viewer: Viewer) -> None:
        if self._loop is not None:
            with suppress(RuntimeError):  # the server has just ended
                self._loop.call_soon_threadsafe(viewer.wake.set)
