import asyncio
import threading
from time import monotonic, sleep

import cv2
import numpy as np
import pytest
from browsing import read_pose
from doubles import FakeTracker, numbered

from realtime.browser.request import View
from realtime.browser.studio import Shot, Studio, jpeg
from realtime.browser.viewer import Quality, Viewer
from realtime.frame import Frame

POSE = FakeTracker().pose


def shot(number: int, size: tuple[int, int] = (64, 48)) -> Shot:
    return Shot(number, Frame(numbered(number % 40, size), number, number), POSE, 1.0)


def waited(condition) -> None:
    end = monotonic() + 20
    while not condition():
        assert monotonic() < end, "it never came"
        sleep(0.005)


def test_each_page_gets_the_pose_and_one_picture_is_encoded_for_all() -> None:
    viewers = [Viewer(asyncio.Event()) for _ in range(3)]
    viewers[2].look(View(100, True))
    woken: list[Viewer] = []
    studio = Studio(lambda: viewers, woken.append)
    studio.put(shot(5, (640, 480)))
    waited(lambda: len(woken) == 6)
    studio.close()
    messages = [viewer.take() for viewer in viewers]
    assert all(read_pose(pose)["frame"] == 5 for pose, _ in messages)
    pictures = [picture for _, picture in messages]
    assert pictures[0] is pictures[1]
    shapes = [cv2.imdecode(np.frombuffer(own[8:], np.uint8), 1).shape for own in pictures]
    assert shapes == [(480, 640, 3), (480, 640, 3), (240, 320, 3)]


def test_where_no_picture_is_seen_none_is_made() -> None:
    viewer = Viewer(asyncio.Event())
    woken: list[Viewer] = []
    studio = Studio(lambda: [viewer], woken.append, pictures=lambda: False)
    studio.put(shot(1))
    waited(lambda: woken)
    studio.close()
    assert len(viewer.take()) == 1


def test_handing_over_never_waits_for_the_encoder() -> None:
    """While the thread is held up every put comes back, and only the newest frames are kept."""
    held, entered = threading.Event(), threading.Event()
    seen: list[int] = []

    class Slow(Viewer):
        def put_pose(self, sequence: int, message: bytes) -> None:
            seen.append(sequence)
            entered.set()
            held.wait(20)

    viewer = Slow(asyncio.Event())
    studio = Studio(lambda: [viewer], lambda _: None)
    studio.put(shot(0))
    assert entered.wait(20)
    for number in range(1, 100):
        studio.put(shot(number))
    held.set()
    waited(lambda: seen[-1] == 99)
    studio.close()
    assert seen == [0, *range(68, 100)]


def test_what_fails_on_the_thread_reaches_the_loop() -> None:
    def viewers() -> list[Viewer]:
        raise RuntimeError("broken")

    studio = Studio(viewers, lambda _: None)
    studio.put(shot(1))
    waited(lambda: not studio._thread.is_alive())
    with pytest.raises(RuntimeError, match="broken"):
        studio.put(shot(2))
    studio.close()


@pytest.mark.parametrize(
    ("size", "side", "wanted"),
    [
        ((640, 480), 1280, (640, 480)),
        ((640, 480), 320, (320, 240)),
        ((480, 640), 320, (240, 320)),
        ((1000, 2), 320, (320, 1)),
    ],
)
def test_the_longer_side_is_made_to_fit(size, side, wanted) -> None:
    image = np.full((size[1], size[0], 3), (40, 90, 200), np.uint8)
    back = cv2.imdecode(np.frombuffer(jpeg(image, Quality(side, 85)), np.uint8), 1)
    assert (back.shape[1], back.shape[0]) == wanted
    np.testing.assert_allclose(back.mean((0, 1)), (40, 90, 200), atol=3)
