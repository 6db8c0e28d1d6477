"""The documents build without a warning: every link leads to a page, a heading, a file or a folder.

What lies outside of the clone is not looked up.
"""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
BUILD = (sys.executable, "-m", "sphinx", "-b", "dummy", "-c", "docs", "-W", "--keep-going", "-q")


def built(source: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [*BUILD, str(source), str(folder)]
    return subprocess.run(command, cwd=source, capture_output=True, text=True)


def test_every_link_of_the_documents_leads_somewhere(tmp_path):
    done = built(ROOT, tmp_path)
    assert done.returncode == 0, done.stderr


def test_links_to_nowhere_are_found(tmp_path):
    (tmp_path / "docs").mkdir()
    shutil.copy(ROOT / "docs/conf.py", tmp_path / "docs")
    (tmp_path / "README.md").write_text(
        "# One\n\n[page](docs/none.md) [heading](docs/index.md#none) [here](#none)\n"
        "[file](none.json) ![picture](none.png) [folder](none/part)\n\n"
        "[found](docs/index.md#two), [too](docs)\n"
    )
    (tmp_path / "docs/index.md").write_text("# Two\n\n```{toctree}\n../README\n```\n")
    done = built(tmp_path, tmp_path / "build")
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 6
    for target in ("docs/none.md", "docs/index", "'none'", "none.json", "none.png", "none/part"):
        assert target in done.stderr
