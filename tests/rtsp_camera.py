"""A virtual camera that speaks RTSP: H.264 in RTP in the same TCP connection (RFC 2326, 6184)."""

import base64
import re
import struct
from fractions import Fraction
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Event, Thread
from typing import Any

import av
import numpy as np

from engines.geometry import Image

FPS = 50
CLOCK = 90_000 // FPS  # RTP ticks from frame to frame
_START = re.compile(b"\0\0\0?\1")


class _Handler(StreamRequestHandler):
    """One connection."""

    server: "_Server"

    def handle(self) -> None:
        while request := self._request():
            method, url, number = request
            self.wfile.write(self._answer(method, url, number))
            if method == "PLAY":
                self._play()
                return

    def _request(self) -> tuple[str, str, str] | None:
        lines = []
        while line := self.rfile.readline().decode().strip():
            lines.append(line)
        if not lines:
            return None
        method, url, _ = lines[0].split()
        return method, url, next(own[5:].strip() for own in lines if own.startswith("CSeq:"))

    def _answer(self, method: str, url: str, number: str) -> bytes:
        answer, body = {"CSeq": number, "Session": "12345678"}, b""
        if method == "OPTIONS":
            answer["Public"] = "OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN"
        elif method == "DESCRIBE":
            body = _describe(self.server.units[0])
            answer |= {"Content-Base": url, "Content-Type": "application/sdp"}
            answer["Content-Length"] = str(len(body))
        elif method == "SETUP":
            answer["Transport"] = "RTP/AVP/TCP;unicast;interleaved=0-1"
        lines = "".join(f"{name}: {value}\r\n" for name, value in answer.items())
        return f"RTSP/1.0 200 OK\r\n{lines}\r\n".encode() + body

    def _play(self) -> None:
        units = self.server.units
        sequence = number = 0
        while not self.server.stop.wait(1 / FPS):
            own = units[number % len(units)]
            for unit in own:
                kind = 96 | (unit is own[-1]) << 7  # payload type, and whether it ends the frame
                head = (0x80, kind, sequence & 0xFFFF, number * CLOCK, 0x6B65)
                packet = struct.pack(">BBHII", *head) + unit
                self.wfile.write(struct.pack(">cBH", b"$", 0, len(packet)) + packet)
                sequence += 1
            number += 1


class _Server(ThreadingTCPServer):
    daemon_threads = True

    def __init__(self, units: list[list[bytes]]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.units = units
        self.stop = Event()

    def handle_error(self, *_: object) -> None:
        pass  # whoever watched has gone


class RtspCamera:
    """Streams `image` over and over to whoever opens `url`."""

    def __init__(self, image: Image) -> None:
        self._server = _Server(_encode(image))
        self._thread = Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.url = f"rtsp://127.0.0.1:{self._server.server_address[1]}/camera"

    def __enter__(self) -> "RtspCamera":
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _encode(image: Image) -> list[list[bytes]]:
    """The NAL units of some frames, each of them a key frame with its parameters."""
    coder: Any = av.CodecContext.create("libx264", "w")
    coder.height, coder.width = image.shape[:2]
    coder.pix_fmt, coder.time_base = "yuv420p", Fraction(1, FPS)
    coder.options = {"preset": "ultrafast", "tune": "zerolatency", "g": "1", "repeat-headers": "1"}
    packets = []
    for number in range(4):
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="bgr24")
        frame.pts = number
        packets += coder.encode(frame)
    return [[unit for unit in _START.split(bytes(packet)) if unit] for packet in packets]


def _describe(units: list[bytes]) -> bytes:
    sets = ",".join(base64.b64encode(u).decode() for u in units if u[0] & 31 in (7, 8))
    return (
        "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=camera\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
        "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:track1\r\n"
        f"a=fmtp:96 packetization-mode=1;sprop-parameter-sets={sets}\r\n"
    ).encode()
