"""What the page is told about the loop, as JSON: once for each source, and several times a second.

A message has its "kind":

    scene    what is being tracked, by what, how it is drawn, and what may be asked
    status   rate, age, drops, stage times, the state of the controls, notices
    pong     the answer to a ping: "sent" as it came, "now" on the server's clock, milliseconds
    invited  "url" for another device, and "code", its QR code as rows of 0 and 1
    refused  "why" something was not done
    opening  "what" is being opened
    end      nothing more comes
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from engines.engine import Engine
from engines.skeleton import Skeleton
from realtime.browser.offers import Offers
from realtime.controls import Controls
from realtime.source import Source
from realtime.timing import Timings

PROTOCOL = "keycam.page/1"


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One source with one model.

    Attributes:
        source: its name.
        size: width and height of its first frame, pixels.
        engine: says what runs the model at present.
        offers: None where another source or model cannot be chosen.
    """

    source: str
    live: bool
    fps: float | None
    size: tuple[int, int]
    model: str
    skeleton: Skeleton
    engine: Callable[[], str]
    controls: Controls
    offers: Offers | None = None

    @classmethod
    def of(
        cls, source: Source, engine: Engine, controls: Controls, offers: Offers | None
    ) -> "Scene":
        return cls(
            source=source.name,
            live=source.live,
            fps=source.fps,
            size=source.size,
            model=engine.card.name,
            skeleton=engine.card.skeleton,
            engine=lambda: engine.name,
            controls=controls,
            offers=offers,
        )

    def to_json(self, *, invites: bool) -> str:
        """The message "scene"."""
        skeleton = self.skeleton
        limbs = [{"color": own.color, "edges": own.edges} for own in skeleton.limbs]
        table = {
            "protocol": PROTOCOL,
            "keycam": version("keycam"),
            "source": self.source,
            "live": self.live,
            "fps": self.fps,
            "size": self.size,
            "model": self.model,
            "skeleton": {"name": skeleton.name, "keypoints": skeleton.keypoints, "limbs": limbs},
            "actions": sorted(self.controls.actions),
            "invites": invites,
            "offers": self.offers and self.offers.to_dict(),
        }
        return message("scene", table)

    def status(self, stats: Timings | None, viewers: int) -> str:
        """The message "status"; before the first frame there are no numbers."""
        controls = self.controls
        table: dict[str, Any] = {
            "engine": self.engine(),
            "controls": controls.state.to_dict(),
            "said": controls.said,
            "viewers": viewers,
        }
        if stats is not None:
            stages = {name: round(own, 3) for name, own in stats.recent_ms().items()}
            table |= {
                "fps": round(stats.recent_fps, 2),
                "frames": stats.frames,
                "dropped": stats.dropped,
                "stages": stages,
                "notice": stats.notice,
            }
        return message("status", table)


def message(kind: str, table: Mapping[str, Any]) -> str:
    return json.dumps({"kind": kind, **table}, allow_nan=False, separators=(",", ":"))
