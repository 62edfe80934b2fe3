"""The page of `keycam skeleton` in a real Chromium, as a user's mouse and keys drive it."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engines import Skeleton
from train.marking import Marking, MarkingServer
from train.tables import read_table

playwright = pytest.importorskip("playwright.sync_api")

SIZE = (320, 240)
PLACES = {"snout": (160, 60), "ear_l": (130, 90), "ear_r": (190, 90), "tail": (160, 180)}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("no Chromium on this machine")
    with playwright.sync_playwright() as running:
        chromium = running.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MarkingServer]:
    with MarkingServer(marking(tmp_path)) as running:
        yield running


def marking(folder: Path, skeleton: Skeleton | None = None) -> Marking:
    rng = np.random.default_rng(0)
    frames = [rng.integers(60, 200, (SIZE[1], SIZE[0], 3), np.uint8) for _ in range(3)]
    files = {"output": folder / "s.toml", "prior": folder / "p.csv"}
    return Marking(frames=frames, skeleton=skeleton, **files, count=30, seed=0)


@pytest.fixture
def page(browser: Any, server: MarkingServer) -> Iterator[Any]:
    yield from opened(browser, server)


def opened(browser: Any, server: MarkingServer) -> Iterator[Any]:
    """The page; whatever the browser complains of fails the test."""
    context = browser.new_context(viewport={"width": 1200, "height": 800})
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.set_default_timeout(20_000)
    page.goto(server.url)
    page.wait_for_selector("#strip button >> nth=2")
    yield page
    context.close()
    assert [text for text in said if "status of 400" not in text] == []


def on_screen(page: Any, place: tuple[float, float]) -> tuple[float, float]:
    """Where the browser draws a pixel of the frame, by its own reckoning."""
    x, y = page.evaluate(
        "([x, y]) => { const at = new DOMPoint(x + .5, y + .5).matrixTransform("
        "document.getElementById('stage').getScreenCTM()); return [at.x, at.y]; }",
        list(place),
    )
    return float(x), float(y)


def click(page: Any, place: tuple[float, float]) -> None:
    page.mouse.click(*on_screen(page, place))


def drag(page: Any, place: tuple[float, float], to: tuple[float, float]) -> None:
    page.mouse.move(*on_screen(page, place))
    page.mouse.down()
    page.mouse.move(*on_screen(page, to), steps=4)
    page.mouse.up()


def mark(page: Any) -> None:
    """All keypoints, named, and joined to a ring."""
    for name, place in PLACES.items():
        click(page, place)
        page.keyboard.type(name)
        page.keyboard.press("Enter")
    for name in ("snout", "ear_l", "tail", "ear_r", "snout"):
        click(page, PLACES[name])
    page.keyboard.press("Escape")


def saved(page: Any, server: MarkingServer) -> tuple[Skeleton, np.ndarray]:
    page.click("#save")
    page.wait_for_selector("#done[open]")
    skeleton = Skeleton.load(server.marking.output)
    return skeleton, read_table(server.marking.prior, skeleton).points


def doc(page: Any) -> Any:
    return page.evaluate("JSON.parse(JSON.stringify(doc))")


def test_click_name_join_drag_and_save(page: Any, server: MarkingServer) -> None:
    assert page.locator("#save").is_disabled()
    mark(page)
    page.click("#limb")
    click(page, PLACES["snout"])
    click(page, PLACES["tail"])
    page.keyboard.press("Escape")
    drag(page, PLACES["tail"], (170, 200))
    page.fill("#name", "my mouse")
    page.check("input[value=any]")
    page.select_option("#tail", label="tail")
    page.select_option("#head", label="snout")
    page.wait_for_selector("#preview svg >> nth=7")
    skeleton, points = saved(page, server)
    assert (skeleton.name, skeleton.rotation) == ("my_mouse", "any")
    assert skeleton.keypoints == tuple(PLACES)
    assert skeleton.mirror == ((1, 2),)  # found by their names
    assert skeleton.forward == (3, 0)
    assert [limb.name for limb in skeleton.limbs] == ["body", "limb2"]
    ring = {frozenset(edge) for edge in skeleton.limbs[0].edges}
    assert ring == {frozenset(e) for e in ((0, 1), (1, 3), (3, 2), (2, 0))}
    assert skeleton.limbs[1].color != skeleton.limbs[0].color
    wanted = np.array([*list(PLACES.values())[:3], (170, 200)])
    np.testing.assert_allclose(points[0], wanted, atol=0.7)
    assert len(points) == 30
    assert "--skeleton" in page.inner_text("#command")


def test_a_second_frame_is_a_second_true_pose(page: Any, server: MarkingServer) -> None:
    mark(page)
    page.keyboard.press("n")
    page.keyboard.press("c")
    assert "Drag" in page.inner_text("#hint")
    assert page.locator("#strip .whole").count() == 1  # a mere copy is no pose of this frame
    drag(page, PLACES["tail"], (100, 200))
    assert page.locator("#strip .whole").count() == 2
    click(page, (250, 30))  # all are placed: an empty place adds none here
    assert len(doc(page)["keypoints"]) == 4
    _, points = saved(page, server)
    np.testing.assert_allclose(points[0][3], PLACES["tail"], atol=0.7)
    np.testing.assert_allclose(points[1][3], (100, 200), atol=0.7)
    np.testing.assert_allclose(points[1][0], PLACES["snout"], atol=0.7)


def test_undo_and_redo_take_back_each_kind_of_change(page: Any) -> None:
    states = [doc(page)]

    def done() -> None:
        assert doc(page) != states[-1]
        states.append(doc(page))

    click(page, (50, 50))
    done()
    page.keyboard.type("a")
    page.keyboard.press("Enter")
    done()
    click(page, (90, 50))
    page.keyboard.press("Enter")
    done()
    click(page, (50, 50))
    click(page, (90, 50))
    done()
    drag(page, (90, 50), (120, 80))
    done()
    page.keyboard.press("Delete")
    done()
    for state in states[-2::-1]:
        page.keyboard.press("Control+z")
        assert doc(page) == state
    assert page.locator("#undo").is_disabled()
    for state in states[1:]:
        page.click("#redo")
        assert doc(page) == state


def test_the_keyboard_alone_will_do(page: Any, server: MarkingServer) -> None:
    page.focus("#stage")
    for name, key in (("a", "ArrowLeft"), ("b", "ArrowRight")):
        page.keyboard.press("Enter")  # a point in the middle of the view
        page.keyboard.type(name)
        page.keyboard.press("Enter")
        page.keyboard.press("[")
        for _ in range(3):
            page.keyboard.press(f"Shift+{key}")
        page.keyboard.press("ArrowUp")
        page.keyboard.press("Escape")
    page.keyboard.press("[")
    page.keyboard.press("j")
    page.keyboard.press("[")
    page.keyboard.press("j")
    page.keyboard.press("Escape")
    skeleton, points = saved(page, server)
    assert skeleton.edges in (((0, 1),), ((1, 0),))
    np.testing.assert_allclose(points[0], [[129.5, 118.5], [189.5, 118.5]], atol=1)


def test_zoom_and_pan_do_not_move_what_is_marked(page: Any) -> None:
    click(page, (160, 60))
    page.keyboard.press("Enter")
    before = doc(page)["poses"][0][0]
    page.mouse.move(*on_screen(page, (160, 60)))
    for _ in range(5):
        page.mouse.wheel(0, -100)
    page.wait_for_function("document.getElementById('stage').viewBox.baseVal.width < 250")
    drag(page, (150, 100), (140, 90))
    assert doc(page)["poses"][0] == [before]
    click(page, (150, 70))
    page.keyboard.press("Enter")
    np.testing.assert_allclose(doc(page)["poses"][0][1], (150, 70), atol=0.6)


def test_a_reload_loses_nothing(page: Any) -> None:
    mark(page)
    before = doc(page)
    page.reload()
    page.wait_for_selector("#points circle")
    assert doc(page) == before


def test_mistakes_are_told_and_can_be_mended(page: Any, server: MarkingServer) -> None:
    mark(page)
    name = page.locator("#keypoints input").first
    name.fill("tail")
    name.press("Enter")
    page.click("#save")
    page.wait_for_selector("#hint.bad")
    assert "'tail' is named twice" in page.inner_text("#hint")
    assert not server.marking.output.exists()
    page.click("#undo")
    assert saved(page, server)[0].keypoints == tuple(PLACES)


def test_names_are_text_and_never_markup(page: Any) -> None:
    click(page, (50, 50))
    page.keyboard.type("<img/src=x/onerror=alert(1)>")
    page.keyboard.press("Enter")
    assert page.locator("#points img, #keypoints img").count() == 0


def test_a_known_skeleton_is_only_placed(
    browser: Any, tmp_path: Path, mouse_skeleton: Skeleton
) -> None:
    with MarkingServer(marking(tmp_path, mouse_skeleton)) as server:
        for page in opened(browser, server):
            for n, (name, place) in enumerate(PLACES.items()):
                assert mouse_skeleton.keypoints[n] in page.inner_text("#hint"), name
                click(page, place)
            skeleton, points = saved(page, server)
    assert skeleton.keypoints == mouse_skeleton.keypoints
    assert set(map(frozenset, skeleton.edges)) == set(map(frozenset, mouse_skeleton.edges))
    assert (skeleton.mirror, skeleton.forward) == (mouse_skeleton.mirror, mouse_skeleton.forward)
    np.testing.assert_allclose(points[0], list(PLACES.values()), atol=0.7)
