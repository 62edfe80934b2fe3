from threading import Thread

import numpy as np
import pytest
from doubles import frames, number_of, numbered

from realtime.controls import Action
from realtime.tiles import Wall, tiled


@pytest.mark.parametrize(
    ("count", "size"),
    [(1, (64, 48)), (2, (128, 48)), (3, (128, 96)), (4, (128, 96)), (5, (192, 96))],
)
def test_pictures_stand_in_a_grid_in_their_order(count, size):
    wall = tiled([numbered(n + 1) for n in range(count)])
    assert (wall.shape[1], wall.shape[0]) == size
    rows = [wall[y : y + 48] for y in range(0, size[1], 48)]
    cells = [row[:, x : x + 64] for row in rows for x in range(0, size[0], 64)]
    assert [number_of(cell) for cell in cells[:count]] == [n + 1 for n in range(count)]
    assert all((cell == 0).all() for cell in cells[count:])


def test_pictures_of_other_sizes_are_fitted_and_missing_ones_black():
    tall, wide = numbered(20, (48, 96)), numbered(30, (128, 48))
    wall = tiled([None, numbered(10), tall, wide])
    assert wall.shape == (96, 128, 3)
    assert (wall[:48, :64] == 0).all()
    assert (wall[:48, 64:] == 70).all()
    assert (wall[48:, 20:44] == 130).all()  # half as large, in the middle of its cell
    assert (wall[48:, :20] == 0).all()
    assert (wall[60:84, 64:] == 190).all()
    assert (wall[48:60, 64:] == 0).all()


def test_a_tile_has_its_part_of_the_wall():
    assert [tile.room for tile in Wall(1).tiles] == [(1920, 1080)]
    assert [tile.room for tile in Wall(3).tiles] == [(960, 540)] * 3


class Window:
    def __init__(self):
        self.shown = []

    def show(self, picture, frame):
        self.shown.append(picture.copy())


def test_one_thread_shows_what_the_others_draw():
    wall, window, more = Wall(2), Window(), [True, False]
    pictures = [numbered(5), numbered(6)]

    def draw(tile, picture):
        for frame in frames(5):
            tile.show(picture, frame)

    drawing = [Thread(target=draw, args=own) for own in zip(wall.tiles, pictures, strict=True)]
    for thread in drawing:
        thread.start()
    wall.show(window, lambda: any(thread.is_alive() for thread in drawing) or more.pop(0))
    np.testing.assert_array_equal(window.shown[-1], np.hstack(pictures))


def test_the_windows_keys_are_for_every_loop():
    wall, asked = Wall(3), []
    for number in (0, 2):
        wall.tiles[number].ask = lambda action, number=number: asked.append((number, action))
    wall.ask(Action.MARK)
    assert asked == [(0, Action.MARK), (2, Action.MARK)]
