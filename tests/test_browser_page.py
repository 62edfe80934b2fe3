"""The live page in a real Chromium, against frames whose keypoints are known."""

import base64
import http.server
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import Any

import cv2
import numpy as np
import pytest
from browsing import TruthTracker, looping, scene, serving

from engines import Skeleton
from realtime.browser.link import Serving
from realtime.browser.offers import Choice, Offers
from realtime.browser.server import BrowserServer
from realtime.controls import Controls
from realtime.loop import run
from realtime.session import open_session
from realtime.synthetic import Synthetic
from realtime.verdict import validate

playwright = pytest.importorskip("playwright.sync_api")
pytest.importorskip("starlette")

DOING = "[live.connected, live.pose?.frame, document.activeElement.id, live.status?.controls]"
ROOT = Path(__file__).parents[1]
PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "is_mobile": True}
OFFERS = Offers(
    Choice(source="synthetic:", model="face68"),
    (("synthetic:", "the built-in clip"), ("7", "a camera")),
    (("face68", "face68"),),
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("no Chromium on this machine")
    with playwright.sync_playwright() as running:
        chromium = running.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def server() -> Iterator[BrowserServer]:
    with serving() as running:
        yield running


@pytest.fixture
def loop(server: BrowserServer, face_skeleton: Skeleton) -> Iterator[tuple[Controls, Synthetic]]:
    with looping(server, face_skeleton, OFFERS, fps=15) as running:
        yield running


@contextmanager
def opened(browser: Any, server: BrowserServer, **options: Any) -> Iterator[Any]:
    """The page once it shows something; what the browser complains of fails the test."""
    context = browser.new_context(**({"viewport": {"width": 1100, "height": 700}} | options))
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.set_default_timeout(30_000)
    page.goto(server.url)
    until(page, "live.shown?.bitmap && live.status?.fps && drawn?.places.length")
    yield page
    context.close()
    assert said == []


@pytest.fixture
def page(browser: Any, server: BrowserServer, loop: Any) -> Iterator[Any]:
    with opened(browser, server) as own:
        yield own


def until(page: Any, condition: str | Callable[[], object]) -> None:
    """Wait for an expression of the page's (it allows no eval of its own), or a function here."""
    end = monotonic() + 30
    while not (condition() if callable(condition) else page.evaluate(f"Boolean({condition})")):
        assert monotonic() < end, f"never came: {condition}; {page.evaluate(DOING)}"
        page.wait_for_timeout(40)


def picture(data: str) -> np.ndarray:
    raw = np.frombuffer(base64.b64decode(data.partition(",")[2]), np.uint8)
    return cv2.imdecode(raw, cv2.IMREAD_UNCHANGED)


def snapped(page: Any) -> tuple[int, np.ndarray, np.ndarray, np.ndarray]:
    """Number of the frame shown, its picture, its overlay, and where its points are there."""
    found = page.evaluate(
        "() => { draw(); return {frame: drawn.frame, places: drawn.places[0], "
        "picture: picture.toDataURL(), overlay: overlay.toDataURL()}; }"
    )
    places = np.array(found["places"])
    return found["frame"], picture(found["picture"]), picture(found["overlay"]), places


def differing(page: Any, several: int = 3) -> list[tuple[int, np.ndarray, np.ndarray, np.ndarray]]:
    shots = [snapped(page)]
    while len(shots) < several:
        until(page, f"drawn.frame > {shots[-1][0]}")
        shots.append(snapped(page))
    return shots


def test_the_picture_moves_and_keypoints_lie_on_the_subject(page: Any, loop: Any) -> None:
    _, source = loop
    pictures = []
    for frame, shown, overlay, places in differing(page):
        truth = source.truth(frame)
        scale = np.array(overlay.shape[1::-1]) / source.size
        assert scale[0] > 1.5  # sharper than the frame
        np.testing.assert_allclose(places / scale - 0.5, truth, atol=0.01)
        # A joint is drawn white where each point truly is: looked up in the pixels.
        columns, rows = np.round((truth + 0.5) * scale - 0.5).astype(int).T
        joints = overlay[rows, columns]
        assert (joints[:, 3] > 200).all()
        assert (joints[:, :3].min(axis=1) > 150).mean() > 0.9  # some lie under others' strokes
        drawn = cv2.resize(source.frame(frame).image, shown.shape[1::-1])
        assert np.abs(drawn.astype(float) - shown[..., :3]).mean() < 6  # the same frame's picture
        pictures.append(shown)
    assert np.abs(pictures[0].astype(float) - pictures[-1]).mean() > 0.5


def test_a_mirror_turns_picture_and_keypoints(page: Any, loop: Any) -> None:
    controls, source = loop
    page.keyboard.press("f")
    until(page, "drawn.mirrored")
    frame, _, overlay, places = snapped(page)
    x = source.size[0] - 1 - source.truth(frame)[:, 0]
    scale = overlay.shape[1] / source.size[0]
    np.testing.assert_allclose(places[:, 0] / scale - 0.5, x, atol=0.01)
    assert "-1" in page.evaluate("getComputedStyle(picture).transform")
    assert controls.state.mirrored
    assert page.get_attribute("#mirror", "aria-pressed") == "true"


def test_buttons_and_keys_do_the_same(page: Any, loop: Any) -> None:
    controls, _ = loop
    page.click("#pause")
    until(page, lambda: controls.state.paused)
    until(page, "by('pause').innerText.trim() === 'Go on'")
    frame = page.evaluate("live.pose.frame")
    page.wait_for_timeout(300)
    assert page.evaluate("live.pose.frame") == frame
    page.keyboard.press("p")
    until(page, f"live.pose.frame > {frame}")
    page.keyboard.press("u")
    until(page, lambda: controls.state.raw)
    page.keyboard.press("t")
    until(page, lambda: controls.state.style.trails)
    page.check("[value=points]")
    page.check("[value=black]")
    until(page, lambda: str(controls.state.style) == "points,trails,black")
    until(page, "picture.classList.contains('away')")
    page.uncheck("[value=nosquare]")
    until(page, lambda: not controls.state.style.square)
    until(page, "by('switches').querySelector('[value=nosquare]').checked === false")
    page.keyboard.press("d")
    until(page, lambda: str(controls.state.style).startswith("skeleton,trails"))


def test_on_black_no_picture_is_sent_and_keypoints_go_on(page: Any, loop: Any) -> None:
    controls, source = loop
    controls.ask("style", "skeleton,black")
    until(page, "picture.classList.contains('away') && live.shown.ahead")
    page.wait_for_timeout(500)
    sent = page.evaluate("link.seen")
    until(page, f"link.seen[0] > {sent[0] + 5}")
    assert page.evaluate("link.seen")[1] == sent[1]
    frame, _, overlay, places = snapped(page)
    scale = np.array(overlay.shape[1::-1]) / source.size
    np.testing.assert_allclose(places / scale - 0.5, source.truth(frame), atol=0.01)
    controls.ask("style", "skeleton")
    until(page, f"link.seen[1] > {sent[1]} && !picture.classList.contains('away')")


def test_a_reload_and_a_broken_line_mend_themselves(page: Any, server: BrowserServer) -> None:
    assert page.url == f"http://127.0.0.1:{server.place.port}/"  # without the token
    page.reload()
    until(page, "live.shown?.bitmap")
    page.evaluate("link.socket.close()")
    until(page, "!live.connected")
    until(page, "live.connected && live.shown?.bitmap && by('veil').hidden")


def test_the_numbers_are_told(page: Any) -> None:
    until(page, "Number(by('fps').textContent) > 0 && Number(by('age').textContent) >= 0")
    assert page.inner_text("#dropped") == "0"
    assert "truth on none" in page.inner_text("#engine")
    until(page, "by('spark').getAttribute('aria-label').includes('Age of the last')")
    until(page, "by('announce').textContent === 'tracking'")
    assert page.get_attribute("#overlay", "aria-label") == "Live picture: tracking, 1 subject"


def test_the_record_button_makes_a_valid_session(
    browser: Any, blob_path: Path, tmp_path: Path
) -> None:
    """Through the command, as a user would."""
    line = ["run", "synthetic:size=320x240", "-m", str(blob_path), "--serve", "--port", "0"]
    line += ["--record-to", str(tmp_path)]
    script = "from realtime.cli import main; main()"
    with subprocess.Popen(
        [sys.executable, "-c", script, *line], cwd=ROOT, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stderr is not None
            while not (found := re.search(r"http://\S+", process.stderr.readline())):
                assert process.poll() is None
            page = browser.new_page()
            page.goto(found[0])
            until(page, "live.shown?.bitmap")
            page.click("#record")
            until(page, "!by('rec').hidden && document.title.includes('●')")
            assert page.inner_text("#record") == "Stop"
            frames = page.evaluate("live.status.frames")
            until(page, f"live.status.frames > {frames + 10}")
            page.click("#mark")
            page.click("#record")
            until(page, "by('rec').hidden && by('record').innerText === 'Record'")
            page.close()
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(30)
    (folder,) = tmp_path.iterdir()
    assert validate(folder).valid
    session = open_session(folder)
    assert session.closed
    assert len(list(session)) >= 10
    assert [event.kind for event in session.events() if event.kind == "mark"] == ["mark"]


def test_choosing_a_camera_ends_this_run_and_says_which(
    page: Any, server: BrowserServer, loop: Any
) -> None:
    page.select_option("#source", label="a camera")
    chosen: list[Choice] = []

    def came() -> bool:
        choice = server.chosen()
        chosen.extend([choice] if choice else [])
        return bool(chosen)

    until(page, came)
    assert chosen == [Choice(source="7", model="face68")]
    server.opening(replace(OFFERS, now=chosen[0]))
    until(page, "by('veil-text').textContent === 'Opening a camera, face68 …'")
    server.refuse("7: no camera there")
    until(page, "by('toast').textContent === '7: no camera there' && !by('toast').hidden")


def test_names_are_text_and_never_markup(
    browser: Any, server: BrowserServer, face_skeleton: Skeleton
) -> None:
    evil = "<img src=x onerror=alert(1)>"
    stop = threading.Event()
    controls = Controls(stop)
    source = Synthetic(size=(320, 240), fps=15, realtime=True)
    own = replace(scene(controls, face_skeleton), source=evil, model=evil, engine=lambda: evil)
    work = (source, TruthTracker(source), [controls, server.attach(own)])
    thread = threading.Thread(target=lambda: run(*work, stop=stop))
    thread.start()
    try:
        with opened(browser, server) as page:
            server.refuse(evil)
            until(page, "!by('toast').hidden")
            assert page.locator("img").count() == 0
            assert evil in page.inner_text("#what")
    finally:
        stop.set()
        thread.join()


@contextmanager
def elsewhere() -> Iterator[str]:
    """A page of another origin on the same host: cookies go to both, since they ignore ports."""

    class Blank(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><link rel=icon href='data:,'>")

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Blank) as other:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{other.server_address[1]}/"
        other.shutdown()


def test_a_page_from_another_origin_gets_nothing(page: Any, server: BrowserServer) -> None:
    host = f"127.0.0.1:{server.place.port}"
    with elsewhere() as address:
        other = page.context.new_page()  # the same browser, with the page's cookie
        other.goto(address)
        found = other.evaluate(
            """async (host) => {
              const tried = (promise) => promise.then(() => "got", () => "refused");
              const own = {credentials: "include"};
              const fetched = await tried(fetch(`http://${host}/page.js`, own));
              const opaque = await fetch(`http://${host}/`, {...own, mode: "no-cors"})
                .then((answer) => answer.type + answer.status, () => "refused");
              const socket = await new Promise((done) => {
                const own = new WebSocket(`ws://${host}/live`);
                own.onopen = () => done("open");
                own.onmessage = () => done("message");
                own.onerror = () => done("refused");
              });
              const script = await new Promise((done) => {
                const own = document.createElement("script");
                own.onload = () => done("loaded");
                own.onerror = () => done("refused");
                own.src = `http://${host}/protocol.js`;
                document.head.append(own);
              });
              return [fetched, opaque, socket, script, typeof link];
            }""",
            host,
        )
        assert found[0] == found[2] == found[3] == "refused"
        assert found[1] in ("refused", "opaque0")
        assert found[4] == "undefined"
        frame = other.evaluate(
            """(host) => new Promise((done) => {
              const own = document.createElement("iframe");
              own.onload = () => done(own.contentDocument === null);
              own.src = `http://${host}/`;
              document.body.append(own);
            })""",
            host,
        )
        assert frame  # an error page of another origin
        assert all("keycam" not in own.content() or own == other.main_frame for own in other.frames)
        other.close()


def test_on_a_phone_nothing_is_cut_off_and_fingers_fit(
    browser: Any, server: BrowserServer, loop: Any
) -> None:
    with opened(browser, server, **PHONE, has_touch=True) as page:
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        boxes = page.evaluate(
            "[...document.querySelectorAll('button, select, .choice span')].map((own) => "
            "own.getBoundingClientRect()).filter((box) => box.width).map((box) => "
            "[box.left, box.right, box.width, box.height])"
        )
        assert len(boxes) >= 10
        for left, right, width, height in boxes:
            assert 0 <= left < right <= 390
            assert min(width, height) >= 43.9
        stage = page.evaluate("stage.getBoundingClientRect().toJSON()")
        assert stage["width"] == pytest.approx(390, abs=2)
        assert stage["height"] / stage["width"] == pytest.approx(0.75, abs=0.01)
        page.tap("#trails")
        until(page, lambda: loop[0].state.style.trails)


def luminance(color: str) -> float:
    """Relative luminance of "rgb(r, g, b)", as WCAG 2 defines it."""
    parts = [float(own) / 255 for own in color.strip("rgba()").split(",")[:3]]
    linear = [own / 12.92 if own <= 0.04045 else ((own + 0.055) / 1.055) ** 2.4 for own in parts]
    return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark_are_both_easy_to_read(
    scheme: str, browser: Any, server: BrowserServer, loop: Any
) -> None:
    with opened(browser, server, color_scheme=scheme) as page:
        color = "(name, what) => getComputedStyle(document.querySelector(name))[what]"
        paper = page.evaluate(f"({color})('body', 'backgroundColor')")
        card = page.evaluate(f"({color})('.card', 'backgroundColor')")
        assert (luminance(paper) > 0.5) == (scheme == "light")
        for name, behind in (("h1", paper), (".card b", card), ("h2", card), ("small", card)):
            ink = page.evaluate(f"({color})('{name}', 'color')")
            dark, light = sorted((luminance(ink), luminance(behind)))
            assert (light + 0.05) / (dark + 0.05) >= 4.5, name


def test_the_keyboard_alone_will_do(page: Any, loop: Any) -> None:
    controls, _ = loop
    reached: list[str] = []
    for _ in range(20):
        page.keyboard.press("Tab")
        own = page.evaluate(
            "(() => { const own = document.activeElement; "
            "const shown = own.matches('.choice input') ? own.nextElementSibling : own; "
            "const name = own.id || own.value || own.tagName; "
            "return [name, getComputedStyle(shown).outlineStyle]; })()"
        )
        reached.append(own[0])
        assert own[1] != "none" or own[0] == "BODY", own
        if own[0] == "mirror":
            page.keyboard.press("Space")
            until(page, lambda: controls.state.mirrored)
            assert not controls.state.paused  # the key pressed the button, not the shortcut
    wanted = ["source", "model", "pause", "mirror", "raw", "trails", "wide", "skeleton", "black"]
    assert [own for own in reached if own in wanted][: len(wanted)] == wanted


def test_the_end_is_told_and_another_run_asks_for_its_address(
    browser: Any, face_skeleton: Skeleton
) -> None:
    with serving() as own, looping(own, face_skeleton, fps=15):
        context = browser.new_context()
        page = context.new_page()
        page.goto(own.url)
        until(page, "live.shown?.bitmap")
        port = own.place.port
    until(page, "by('veil-text').textContent === 'keycam has ended'")
    with BrowserServer(Serving(port=port)):
        until(page, "by('veil-text').textContent.includes('started anew')")
    context.close()
