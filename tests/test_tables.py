from pathlib import Path

import numpy as np
import pytest
from toy import TRIANGLE

from engines import DataError
from train.tables import read_table

POINTS = "left_x,left_y,right_x,right_y,top_x,top_y"


def read(tmp_path: Path, text: str):
    file = tmp_path / "t.csv"
    file.write_text(text, encoding="utf-8")
    return read_table(file, TRIANGLE)


def test_sizes_and_points_with_gaps(tmp_path: Path) -> None:
    table = read(tmp_path, f"width,height,{POINTS}\n64,48,1,2,3.5,4,,\n32,32,0,0,1e1,-1,nan,5\n")
    np.testing.assert_array_equal(table.sizes, [[64, 48], [32, 32]])
    np.testing.assert_array_equal(table.points[0, :2], [[1, 2], [3.5, 4]])
    assert np.isnan(table.points[0, 2]).all()
    np.testing.assert_array_equal(table.points[1, 1], [10, -1])
    assert np.isnan(table.points[1, 2, 0])
    assert table.points[1, 2, 1] == 5
    assert table.points.dtype == np.float32
    assert table.images is None


def test_pictures(tmp_path: Path) -> None:
    table = read(tmp_path, f'image,{POINTS}\n"a, b/1.png",1,2,3,4,5,6\n')
    assert table.images == ["a, b/1.png"]
    assert table.sizes is None


def test_pictures_and_sizes_may_stand_together(tmp_path: Path) -> None:
    table = read(tmp_path, f"image,width,height,{POINTS}\na.png,64,48,1,2,3,4,5,6\n")
    assert table.images == ["a.png"]
    np.testing.assert_array_equal(table.sizes, [[64, 48]])


def test_columns_may_come_in_any_order_and_with_a_byte_order_mark(tmp_path: Path) -> None:
    text = "\ufefftop_y,top_x,height,right_y,right_x,width,left_y,left_x\r\n6,5,48,4,3,64,2,1\r\n"
    table = read(tmp_path, text)
    np.testing.assert_array_equal(table.points[0], [[1, 2], [3, 4], [5, 6]])
    np.testing.assert_array_equal(table.sizes, [[64, 48]])


GOOD = f"width,height,{POINTS}\n9,9,1,2,3,4,5,6\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (GOOD + "9,9,1,2,x,4,5,6\n", ["line 3", "right_x", "'x'"]),
        (GOOD + "9,9,1,2,3,4,5,inf\n", ["line 3", "top_y", "infinite"]),
        (GOOD + "9,9,1,2,3,4,5\n", ["line 3", "top_y", "cut off"]),
        (GOOD + "9,9,1,2,3,4,5,6,7\n", ["line 3", "more fields"]),
        (GOOD + "9,0,1,2,3,4,5,6\n", ["line 3", "height", "above 0"]),
        (GOOD + ",9,1,2,3,4,5,6\n", ["line 3", "width", "above 0"]),
        (GOOD + "-9,9,1,2,3,4,5,6\n", ["line 3", "width", "above 0"]),
        (f"{POINTS}\n1,2,3,4,5,6\n", ["'image'", "'width'"]),
        (f"width,{POINTS}\n1,2,3,4,5,6,7\n", ["'image'", "'height'"]),
        (
            f"image,{POINTS.replace(',top_y', '')}\na,1,2,3,4,5\n",
            ["'top_y'", "triangle", "3 keypoints"],
        ),
        (f"image,{POINTS},nose_x\na,1,2,3,4,5,6,7\n", ["'nose_x'", "triangle"]),
        (f"image,{POINTS},top_y\na,1,2,3,4,5,6,7\n", ["two columns", "'top_y'"]),
        (f"width,height,{POINTS}\n", ["empty"]),
        ("", ["empty"]),
        ('image,left_x\n"a,1\n', ["not a readable CSV"]),
    ],
)
def test_refusals_name_line_and_column(text: str, words: list[str], tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        read(tmp_path, text)
    for word in ["t.csv", *words]:
        assert word in str(caught.value)


def test_line_numbers_count_quoted_newlines(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="line 4"):
        read(tmp_path, f'image,{POINTS}\n"two\nlines",1,2,3,4,5,6\nb,1,2,3,4,5,?\n')


def test_missing_files_folders_and_other_bytes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        read_table(tmp_path / "none.csv", TRIANGLE)
    with pytest.raises(DataError, match="no such file"):
        read_table(tmp_path, TRIANGLE)
    file = tmp_path / "p.csv"
    file.write_bytes(b"\xff\xfe\x00\x01" * 9)
    with pytest.raises(DataError, match="not a readable CSV"):
        read_table(file, TRIANGLE)
