"""A virtual camera on the loopback interface: Motion JPEG over HTTP, sent picture by picture."""

from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from queue import Queue
from threading import Event, Thread

import cv2

from engines.geometry import Image


class MjpegCamera:
    """Streams the pictures given to `send` to whoever opens `url`; `kill` cuts the line."""

    def __init__(self, port: int = 0) -> None:
        """
        Args:
            port: 0 for any that is free.
        """
        pictures: Queue[bytes | None] = Queue()

        class Handler(BaseHTTPRequestHandler):
            disable_nagle_algorithm = True  # or the end of a picture waits for an acknowledgement

            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
                self.end_headers()
                while (jpeg := pictures.get()) is not None:
                    head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}"
                    try:
                        self.wfile.write(head.encode() + b"\r\n\r\n" + jpeg + b"\r\n")
                    except OSError:  # whoever watched has gone
                        break
                self.close_connection = True

            def log_message(self, *_: object) -> None:
                pass

        self._pictures = pictures
        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._thread = Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}/camera.mjpg"

    def send(self, *images: Image) -> None:
        for image in images:
            self._pictures.put(cv2.imencode(".jpg", image)[1].tobytes())

    def kill(self) -> None:
        self._pictures.put(None)
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def __enter__(self) -> "MjpegCamera":
        return self

    def __exit__(self, *_: object) -> None:
        if self._thread.is_alive():
            self.kill()


class Webcam:
    """An MjpegCamera that sends `picture(number)` at a rate, and can be unplugged and plugged in.

    Its address stays the same. Where `picture` is None, it falls silent and keeps its line.
    """

    def __init__(self, picture: Callable[[int], Image | None], fps: float = 60.0) -> None:
        self._picture = picture
        self._fps = fps
        self._numbers = count()
        self._camera: MjpegCamera | None = None
        self.port = 0
        self.plug()
        self.url = f"http://127.0.0.1:{self.port}/camera.mjpg"

    def plug(self) -> None:
        self._camera = MjpegCamera(self.port)
        self.port = self._camera.port
        self._stop = Event()
        self._thread = Thread(target=self._film, args=(self._camera, self._stop))
        self._thread.start()

    def unplug(self) -> None:
        """Cut the line; nobody answers at the address from now on."""
        if self._camera is not None:
            self._stop.set()
            self._thread.join()
            self._camera.kill()
            self._camera = None

    def _film(self, camera: MjpegCamera, stop: Event) -> None:
        while not stop.wait(1 / self._fps):
            picture = self._picture(next(self._numbers))
            if picture is None:
                return
            camera.send(picture)

    def __enter__(self) -> "Webcam":
        return self

    def __exit__(self, *_: object) -> None:
        self.unplug()
