"""The page a training leaves behind: whole, closed to the world, and made of escaped text."""

import base64
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from toy import TRIANGLE, tiny_config, toy_footage, toy_prior

from engines import DataError
from train import checkpoint
from train.finding import Finding
from train.logbook import Logbook, found
from train.parts import Parts
from train.report import rebuild, write_report
from train.videos import Clip, Footage

CPU = torch.device("cpu")
HOSTILE = '<script>alert("x")</script>&\'"><img src=http://evil>'
VOID = {"meta", "img", "br"}


class Page(HTMLParser):
    """Checks that tags are closed, and keeps what was met."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.addresses: list[str] = []
        self.sections: list[str] = []
        self.text = ""
        self.raw = path.read_text("utf-8")
        self.feed(self.raw)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            assert not name.startswith("on")
            if name in ("src", "href", "xlink:href", "action", "data", "srcset"):
                self.addresses.append(value)
            if tag == "section" and name == "id":
                self.sections.append(value)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run that was killed in its joint training."""
    folder = tmp_path / "run"
    folder.mkdir()
    config = tiny_config()
    (folder / "config.json").write_text(config.to_json())
    (folder / "skeleton.json").write_text(json.dumps(TRIANGLE.to_dict()))
    torch.manual_seed(0)
    checkpoint.save(folder / "joint", Parts(config, TRIANGLE), {}, {"step": 3})
    lines = [
        {"stage": "pretrain", "step": 50, "loss": 0.5},
        {"stage": "joint", "step": 50, "critic": 0.2, "pixels": 0.3},
        {"stage": "joint", "step": 100, "critic": 0.21, "pixels": 0.2, "new_figure": 7},
        {"stage": "criterion", "step": 100, "mapping": 0.4, "best": True, "note": HOSTILE},
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / "metrics.jsonl").write_text(text + '{"stage": "joint", "st')
    (folder / "sheets").mkdir()
    cv2.imwrite(str(folder / "sheets" / "joint-000050.png"), np.full((60, 90, 3), 90, np.uint8))
    return folder


def footage(name: str = "dots.avi") -> Footage:
    (clip,) = toy_footage(12).clips
    return Footage((Clip(name, clip.images, clip.rois), Clip("b", clip.images[:4], clip.rois[:4])))


def test_the_report_of_a_killed_run_has_every_section_and_asks_nobody(run: Path) -> None:
    book = Logbook(run)
    findings = found([Finding(where="dots.avi", what="too dark", remedy="add light")])
    book.write(name="dots", findings=findings, frames=1234, command="keycam train a -o run")
    path = write_report(run, footage(), toy_prior(), CPU)
    assert path == run / "report.html"
    page = Page(path)
    wanted = ["findings", "time", "poses", "curves", "sheets", "next", "settings"]
    assert page.sections == wanted
    assert page.addresses
    assert all(address.startswith("data:image/jpeg;base64,") for address in page.addresses)
    for bad in ("http:", "https:", "url(", "@import", "//"):
        assert bad not in re.sub(r"data:image/jpeg;base64,[\w+/=]+", "", page.raw), bad
    assert "script" not in page.tags
    assert "default-src 'none'" in page.raw
    for text in ("too dark", "add light", "not finished", "1 234", "new_figure", "mapping"):
        assert text in page.text, text
    assert "keycam train a -o run --resume" in page.text
    assert path.stat().st_size < 3e6
    assert not list(run.glob("*.new"))


def test_pictures_in_the_page_are_pictures(run: Path) -> None:
    page = Page(write_report(run, footage(), toy_prior(), CPU))
    for address in page.addresses:
        data = base64.b64decode(address.partition(",")[2], validate=True)
        assert cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) is not None
    assert len(page.addresses) == 3  # frames of all clips, frames in a row, a sheet


def test_names_cannot_inject_anything(run: Path) -> None:
    book = Logbook(run)
    hostile = [Finding(where=HOSTILE, what=HOSTILE, remedy=HOSTILE)]
    book.write(name=HOSTILE, videos=[HOSTILE], findings=found(hostile), command=HOSTILE)
    with (run / "metrics.jsonl").open("a") as file:
        file.write("\n" + json.dumps({"stage": HOSTILE, "step": 1, HOSTILE: 1.0}) + "\n")
    page = Page(write_report(run, footage(HOSTILE), toy_prior(), CPU))
    assert "script" not in page.tags
    assert "<script" not in page.raw
    assert all(address.startswith("data:") for address in page.addresses)
    assert page.text.count('<script>alert("x")') > 5  # it is told, as text


def test_a_run_of_which_little_is_left_has_a_report_all_the_same(run: Path) -> None:
    for name in ("metrics.jsonl", "joint/weights.safetensors", "sheets/joint-000050.png"):
        (run / name).unlink()
    page = Page(write_report(run, footage(), toy_prior(), CPU))
    assert page.sections == ["findings", "next", "settings"]
    page = Page(rebuild(run, CPU))  # remembers neither videos nor prior
    assert "next" in page.sections


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not a run's folder"):
        rebuild(tmp_path, CPU)
    with pytest.raises(DataError, match="not a run's folder"):
        rebuild(tmp_path / "none", CPU)
    assert list(tmp_path.iterdir()) == []
