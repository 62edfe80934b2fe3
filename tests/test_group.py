import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from realtime.cli import LATER, main
from realtime.group import explain

KEYCAM = [sys.executable, "-c", "from realtime.cli import main; main()"]
HEAVY = ("numpy", "cv2", "onnxruntime", "torch", "engines", "train")


def test_help_names_every_command_and_loads_nothing_heavy() -> None:
    script = (
        "import sys\nfrom realtime.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit as end:\n    assert end.code == 0\n"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    *text, loaded = done.stdout.splitlines()
    assert loaded == "[]"
    named = {line.split()[0] for line in text if line.startswith("  ")}
    assert named >= {
        "demo",
        "run",
        "record",
        "bench",
        "cameras",
        "doctor",
        "train",
        "adapt",
        "eval",
        "prior",
    }


def test_verbose_adds_the_traceback(blob_path: Path) -> None:
    for command in (["-v", "run"], ["run", "-v"]):
        result = CliRunner().invoke(
            main, [*command, "missing.mp4", "--no-window", "-m", str(blob_path)]
        )
        assert result.exit_code == 2
        assert "Traceback" in result.stderr
        assert result.stderr.splitlines()[-1].startswith("keycam: ")


def test_training_without_its_packages_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    missing = ModuleNotFoundError("No module named 'torch.nn'", name="torch.nn")

    def fail(name: str) -> None:
        raise missing

    monkeypatch.setattr("realtime.group.import_module", fail)
    for command in LATER:
        result = CliRunner().invoke(main, [command])
        assert result.exit_code == 2
        (line,) = result.stderr.splitlines()
        assert line.startswith("keycam: torch.nn is not installed")
        assert 'pip install "keycam[train]"' in line


def test_mistakes_of_ours_keep_their_traceback() -> None:
    assert explain(ZeroDivisionError("division by zero")) is None
    assert explain(ModuleNotFoundError("No module named 'engines.x'", name="engines.x")) is None


def test_without_libgl_the_debian_packages_are_named(tmp_path: Path, blob_path: Path) -> None:
    text = "libGL.so.1: cannot open shared object file: No such file or directory"
    (tmp_path / "cv2").mkdir()
    (tmp_path / "cv2" / "__init__.py").write_text(f"raise ImportError({text!r})\n")
    paths = [str(tmp_path), *sys.path[1:]]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}

    def bare(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [*KEYCAM, *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    done = bare("run", "synthetic:", "--no-window", "-m", str(blob_path))
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("keycam: ")
    assert "libGL.so.1" in line
    assert "apt-get install libgl1 libglib2.0-0" in line
    assert bare("--help").returncode == 0
    report = bare("doctor")
    assert report.returncode == 1
    assert "apt-get install libgl1 libglib2.0-0" in report.stdout
