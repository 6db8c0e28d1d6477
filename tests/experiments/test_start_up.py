"""`--help` of every command answers before JAX and Matplotlib are loaded, which take seconds."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from configs import schema

ROOT = Path(__file__).parents[2]
MAIN = 'if __name__ == "__main__":'
FILES = [*ROOT.glob("experiments/*.py"), *ROOT.glob("data/*.py"), *ROOT.glob("data/*/__main__.py")]
COMMANDS = sorted(
    ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__main__")
    for file in FILES
    if MAIN in file.read_text(encoding="utf-8")
)
ASK = """
import contextlib, io, json, runpy, sys

answers = {}
for command in sys.argv[1:]:
    before, sys.argv = set(sys.modules), [command, "--help"]
    with contextlib.redirect_stdout(io.StringIO()) as words:
        try:
            runpy.run_module(command, run_name="__main__", alter_sys=True)
            code = 0
        except SystemExit as end:
            code = end.code or 0
    slow = {"dask", "flax", "jax", "matplotlib", "wandb"} & (set(sys.modules) - before)
    answers[command] = [code, words.getvalue(), sorted(slow)]
print(json.dumps(answers))
"""


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """Exit code, words and what they loaded that is slow; of each in turn, in one process."""
    folder = tmp_path_factory.mktemp("empty")
    command = [sys.executable, "-W", "error", "-c", ASK, *COMMANDS]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert not list(folder.iterdir())
    return json.loads(done.stdout)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_says_how_to_call_it_and_loads_nothing_slow(answers, command):
    code, words, slow = answers[command]
    assert (code, slow) == (0, [])
    assert f"python -m {command}" in words


@pytest.mark.parametrize("entry_point", list(schema.ENTRY_POINTS))
def test_help_of_an_application_shows_its_keys(answers, entry_point):
    assert "seed: 0" in answers[f"experiments.{entry_point}"][1]
