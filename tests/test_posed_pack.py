import os
from pathlib import Path

import numpy as np
import pytest
from boxes import CARD, box, see
from posed_world import tiny_decoder
from toy import write_video

from engines import DataError
from engines.fake import FakeEngine
from train.posed import PosedFootage
from train.posed_pack import packed_posed

CONFIG = tiny_decoder(most_frames=6)


@pytest.fixture
def video(tmp_path: Path) -> Path:
    images = [box(100 + 3 * n, 80, 60, (320, 240)) for n in range(6)]
    return write_video(tmp_path / "a.avi", images)


def packed(video: Path, **changes) -> tuple[PosedFootage, int]:
    """The footage, and how often the tracker was asked."""
    engine = FakeEngine(CARD, see)
    config = tiny_decoder(**({"most_frames": 6} | changes))
    footage = packed_posed([video], engine, video, config, video.parent / "cache")
    return footage, engine.calls


def same(one: PosedFootage, two: PosedFootage) -> bool:
    return all(
        a.name == b.name
        and a.still == b.still
        and np.array_equal(a.points_px, b.points_px)
        and all(np.array_equal(x, y) for x, y in zip(a.images, b.images, strict=True))
        for a, b in zip(one.clips, two.clips, strict=True)
    )


def test_the_second_time_nothing_is_read_and_nobody_asked(video: Path) -> None:
    first, asked = packed(video)
    again, calls = packed(video)
    assert asked > 0
    assert calls == 0
    assert same(first, again)
    assert sorted(p.suffix for p in (video.parent / "cache").iterdir()) == [".npz", ".pixels"]


def test_other_settings_have_a_pack_of_their_own(video: Path) -> None:
    packed(video)
    assert packed(video, size=48)[1] > 0
    assert packed(video, steps=9)[1] == 0  # which changes no picture


@pytest.mark.parametrize("damage", ["bits", "cut", "index", "video"])
def test_what_is_damaged_or_old_is_made_anew(video: Path, damage: str, caplog) -> None:
    first, _ = packed(video)
    (pixels,) = (video.parent / "cache").glob("*.pixels")
    if damage == "video":
        os.utime(video, ns=(1, 1))
    elif damage == "index":
        pixels.with_suffix(".npz").write_bytes(b"PK nothing")
    else:
        content = bytearray(pixels.read_bytes())
        content[1000] ^= 255
        pixels.unlink()  # `first` has it mapped
        pixels.write_bytes(content if damage == "bits" else content[:1000])
    with caplog.at_level("INFO"):
        again, calls = packed(video)
    assert calls > 0
    assert "made anew" in caplog.text
    assert same(first, again)


def test_a_place_that_cannot_be_written_is_named(video: Path) -> None:
    (video.parent / "cache").write_text("a file")
    with pytest.raises(DataError, match="no place for the decoded frames"):
        packed(video)
