"""What a measurement was made on: the machine and the versions of what ran."""

import os
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("keycam", "numpy", "opencv-python", "onnxruntime", "av")


def machine() -> dict[str, str | int]:
    """CPU model, cores this process may use, and the operating system."""
    return {"cpu": cpu_model(), "cores": usable_cores(), "os": platform.platform(terse=True)}


def versions() -> dict[str, str]:
    """Of Python and of what the default road is made of; "missing" where it is not installed."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "missing"
    return found


def usable_cores() -> int:
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cpu_model() -> str:
    """As its maker calls it, or the architecture where the system does not tell."""
    found = ""
    if sys.platform == "linux":
        found = _cpuinfo(Path("/proc/cpuinfo"))
    elif sys.platform == "darwin":
        command = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
        found = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    return found or platform.processor() or platform.machine()


def _cpuinfo(file: Path) -> str:
    try:
        lines = file.read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    entries = (line.partition(":") for line in lines)
    return next((value.strip() for key, _, value in entries if key.strip() == "model name"), "")
