"""What a run leaves behind besides its results: where it ran, and its figures, as JSON."""

import contextlib
import importlib.metadata
import json
import os
import platform
import subprocess
import time
from collections.abc import Generator, Mapping
from pathlib import Path

from ops import native

PACKAGES = ("jax", "jaxlib", "flax", "numpy", "scipy", "tensorstore", "tifffile", "hydra-core")
REPOSITORY = Path(__file__).resolve().parent.parent


def write_json(path: Path, values: Mapping) -> None:
    """Writes a file whole or not at all; a reader never sees half of it."""
    write_text(path, json.dumps(values, indent=2) + "\n")


def write_text(path: Path, content: str) -> None:
    """Writes a file whole or not at all; a reader never sees half of it."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(content)
    os.replace(partial, path)


def environment() -> dict:
    """Versions, processor and commit that a run's figures depend on."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: _version(name) for name in PACKAGES},
        "cpu": cpu_model(),
        "cores": os.cpu_count(),
        "threads": usable_threads(),
        "instruction_set": native.instruction_set(),
        "git": git_state(REPOSITORY),
    }


def usable_threads() -> int:
    """Processors that this process may use, fewer than the machine's where it is confined."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cpu_model() -> str:
    """The processor's name, as far as the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def git_state(folder: Path) -> dict | None:
    """The commit of a clone and whether files differ from it; None without git or a clone."""
    commit = _git(folder, "rev-parse", "HEAD")
    changes = _git(folder, "status", "--porcelain")
    if commit is None or changes is None:
        return None
    return {"commit": commit, "dirty": bool(changes)}


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "--no-optional-locks", *arguments], cwd=folder, capture_output=True, text=True
        )
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


@contextlib.contextmanager
def timed(seconds: dict[str, float], stage: str) -> Generator[None]:
    """Notes under the stage's name how long the block took."""
    start = time.perf_counter()
    yield
    seconds[stage] = time.perf_counter() - start
