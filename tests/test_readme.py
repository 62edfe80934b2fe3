import re
from pathlib import Path

from engines import Skeleton

ROOT = Path(__file__).parents[1]


def shell_blocks() -> list[str]:
    text = (ROOT / "README.md").read_text("utf-8")
    return [block.strip() for block in re.findall(r"^```sh\n(.*?)^```", text, re.M | re.S)]


def test_the_first_command_shows_the_demo() -> None:
    first = shell_blocks()[0]
    assert first.startswith("python3 -m venv ")
    assert first.endswith("keycam demo")
    assert len(first.splitlines()) == 1


def test_the_second_command_is_the_one_ci_runs() -> None:
    second = shell_blocks()[1]
    assert second.startswith("python3 -m venv ")
    assert len(second.splitlines()) == 1
    assert f"\ntest_command='{second}'\n" in (ROOT / ".ci/run").read_text("utf-8")


def test_what_the_readme_links_to_exists() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    links = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'src="([^"]+)"', text)
    local = [link.partition("#")[0] for link in links if "://" not in link]
    assert [link for link in local if link and not (ROOT / link).exists()] == []


def test_the_skeleton_shown_is_one(tmp_path: Path) -> None:
    (shown,) = re.findall(r"```toml\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    path = tmp_path / "lamp.toml"
    path.write_text(shown)
    skeleton = Skeleton.load(path)
    assert skeleton.keypoints == ("foot", "knee", "head_left", "head_right")
    assert skeleton.edges == ((0, 1), (1, 2), (2, 3), (3, 1))
