"""A virtual camera on the loopback interface: Motion JPEG over HTTP, sent picture by picture."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from threading import Thread

import cv2

from engines.geometry import Image


class MjpegCamera:
    """Streams the pictures given to `send` to whoever opens `url`; `kill` cuts the line."""

    def __init__(self) -> None:
        pictures: Queue[bytes | None] = Queue()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
                self.end_headers()
                while (jpeg := pictures.get()) is not None:
                    head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}"
                    self.wfile.write(head.encode() + b"\r\n\r\n" + jpeg + b"\r\n")
                self.close_connection = True

            def log_message(self, *_: object) -> None:
                pass

        self._pictures = pictures
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/camera.mjpg"

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
