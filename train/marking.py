"""The local page on which a skeleton is marked: a small web server for one user on this machine.

It listens on 127.0.0.1 alone. Every address begins with a token that is drawn for this run and is
in the URL that the command prints; requests without it, for another host (DNS rebinding), or from
another page (Origin) are refused. Nothing is written until what was marked has been read whole.
"""

import hmac
import json
import secrets
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from pathlib import Path
from typing import Any

import cv2

from engines.errors import DataError
from engines.geometry import Image
from engines.skeleton import Skeleton
from train.jitter import jittered
from train.marks import Marks, read_marks, to_toml

MOST_BYTES = 1 << 20  # of what the page may send
PATIENCE_S = 20  # for a request to arrive
FILES = {  # of the page, and their kinds
    "index.html": "text/html",
    "page.css": "text/css",
    "marks.js": "text/javascript",
    "view.js": "text/javascript",
    "page.js": "text/javascript",
}
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Marking:
    """What is marked, and where the results go.

    Attributes:
        frames: the pictures to mark.
        skeleton: what to begin with, or None for an empty page.
        output: TOML file to write the skeleton to.
        prior: CSV file to write poses to,
        count: how many, varied by `seed`.
    """

    frames: Sequence[Image]
    skeleton: Skeleton | None
    output: Path
    prior: Path
    count: int
    seed: int

    def start(self) -> dict[str, Any]:
        """What the page begins with."""
        sizes = [frame.shape[1::-1] for frame in self.frames]
        known = None if self.skeleton is None else self.skeleton.to_dict()
        files = {"output": str(self.output), "prior": str(self.prior)}
        return {"frames": sizes, "skeleton": known, "count": self.count, **files}

    def read(self, data: bytes) -> Marks:
        return read_marks(data, [frame.shape[1::-1] for frame in self.frames])

    def preview(self, data: bytes) -> dict[str, Any]:
        """A few poses as the prior will hold them."""
        marks = self.read(data)
        poses, _ = jittered(marks.poses, marks.sizes, marks.skeleton, len(marks.poses) + 8, 0)
        return {"poses": poses[len(marks.poses) :].round(2).tolist()}

    def save(self, data: bytes) -> dict[str, Any]:
        """Write both files, or none."""
        marks = self.read(data)
        poses, sizes = jittered(marks.poses, marks.sizes, marks.skeleton, self.count, self.seed)
        columns = [f"{name}_{axis}" for name in marks.skeleton.keypoints for axis in "xy"]
        rows = [",".join(["width", "height", *columns])]
        for pose, (width, height) in zip(poses, sizes, strict=True):
            places = (f"{value:.2f}" for value in pose.ravel())
            rows.append(",".join([f"{width:.0f}", f"{height:.0f}", *places]))
        _write({self.output: to_toml(marks.skeleton), self.prior: "\n".join(rows) + "\n"})
        return {"marked": len(marks.poses), "poses": len(poses)}


def _write(texts: dict[Path, str]) -> None:
    fresh = {path: path.with_name(path.name + ".new") for path in texts}
    try:
        for path, text in texts.items():
            fresh[path].write_text(text, "utf-8")
        for path, new in fresh.items():
            new.replace(path)
    except OSError as error:
        for new in fresh.values():
            with suppress(OSError):
                new.unlink()
        raise DataError(f"{error.filename}: cannot be written ({error.strerror})") from error


class MarkingServer:
    """Serves a marking until it is saved. `with` starts and stops it.

    Attributes:
        url: of the page, with the token.
        saved: what `Marking.save` returned, or None.
    """

    def __init__(self, marking: Marking, port: int = 0) -> None:
        self.marking = marking
        self.saved: dict[str, Any] | None = None
        self._done = threading.Event()
        self._token = secrets.token_urlsafe(24)
        try:
            self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(self))
        except OSError as error:
            raise DataError(
                f"port {port} cannot be used ({error.strerror}); try another"
            ) from error
        self._server.daemon_threads = True
        self.host = f"127.0.0.1:{self._server.server_address[1]}"
        self.url = f"http://{self.host}/{self._token}/"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> "MarkingServer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def wait(self) -> dict[str, Any]:
        """Until it is saved; Ctrl-C is heard meanwhile."""
        while not self._done.wait(0.2):
            pass
        assert self.saved is not None
        return self.saved

    def knows(self, token: str) -> bool:
        return hmac.compare_digest(token.encode(), self._token.encode())

    def finish(self, result: dict[str, Any]) -> None:
        self.saved = result
        self._done.set()

    @property
    def finished(self) -> bool:
        return self._done.is_set()


def _handler(server: MarkingServer) -> type[BaseHTTPRequestHandler]:
    class Handler(_Handler):
        marking_server = server

    return Handler


class _Handler(BaseHTTPRequestHandler):
    """One request; see the module for what is refused."""

    marking_server: MarkingServer
    timeout = PATIENCE_S
    server_version = "keycam"
    sys_version = ""

    def do_GET(self) -> None:
        name = self.allowed_name(must_say_origin=False)
        if name is None:
            return
        marking = self.marking_server.marking
        file = name or "index.html"
        if file in FILES:
            data = resources.files("train").joinpath("page", file).read_bytes()
            self.answer(data, f"{FILES[file]}; charset=utf-8")
        elif name == "start":
            self.answer_json(marking.start())
        elif name in (f"frame/{n}" for n in range(len(marking.frames))):
            good, data = cv2.imencode(".png", marking.frames[int(name[6:])])
            assert good
            self.answer(data.tobytes(), "image/png")
        else:
            self.refuse(HTTPStatus.NOT_FOUND, "there is no such page")

    def do_POST(self) -> None:
        name = self.allowed_name(must_say_origin=True)
        if name is None:
            return
        marking = self.marking_server.marking
        works: dict[str, Callable[[bytes], dict[str, Any]]]
        works = {"save": marking.save, "preview": marking.preview}
        if name not in works:
            self.refuse(HTTPStatus.NOT_FOUND, "there is no such page")
            return
        if name == "save" and self.marking_server.finished:
            self.refuse(HTTPStatus.CONFLICT, "it has been saved already")
            return
        data = self.body()
        if data is None:
            return
        try:
            result = works[name](data)
        except DataError as error:
            self.refuse(HTTPStatus.BAD_REQUEST, str(error))
            return
        self.answer_json(result)
        if name == "save":
            self.marking_server.finish(result)

    def allowed_name(self, *, must_say_origin: bool) -> str | None:
        """What is asked for, without the token; None if it was refused."""
        server = self.marking_server
        token, _, name = self.path.removeprefix("/").partition("?")[0].partition("/")
        origin = self.headers.get("Origin")
        foreign = origin != f"http://{server.host}" and (must_say_origin or origin is not None)
        if self.headers.get("Host") != server.host or foreign or not server.knows(token):
            self.refuse(HTTPStatus.FORBIDDEN, "use the address that keycam printed")
            return None
        return name

    def body(self) -> bytes | None:
        """What was sent; None if it was refused."""
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or len(length) > 12:
            self.refuse(HTTPStatus.LENGTH_REQUIRED, "say how much is sent")
        elif int(length) > MOST_BYTES:
            self.refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "more was marked than can be taken")
        elif self.headers.get_content_type() != "application/json":
            self.refuse(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "send JSON")
        else:
            data = self.rfile.read(int(length))
            if len(data) == int(length):
                return data
            self.refuse(HTTPStatus.BAD_REQUEST, "less was sent than was said")
        return None

    def refuse(self, status: HTTPStatus, why: str) -> None:
        self.answer_json({"error": why}, status)

    def answer_json(self, table: dict[str, Any], status: HTTPStatus = HTTPStatus.OK) -> None:
        self.answer(json.dumps(table).encode(), "application/json", status)

    def answer(self, data: bytes, kind: str, status: HTTPStatus = HTTPStatus.OK) -> None:
        self.send_response(status)
        for key, value in {**HEADERS, "Content-Type": kind}.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are nobody's business."""
