"""How Sphinx builds the documents (`make docs`); its source is the whole clone, README.md too."""

import re
from pathlib import Path

from sphinx.application import Sphinx

project = "neuropil"
project_copyright = "the authors of neuropil, Apache-2.0"
extensions = ["myst_parser"]
root_doc = "docs/index"
include_patterns = ["README.md", "CONTRIBUTING.md", "docs/*.md"]
exclude_patterns = [".venv", "build", "outputs", "multirun"]  # not walked through: large
html_theme = "furo"
html_title = "neuropil"
highlight_language = "text"
myst_heading_anchors = 4  # links to headings, as GitHub names them

LINK = re.compile(r"\[([^\]]+)\]\(([^)#:]+)\)")


def setup(app: Sphinx) -> None:
    app.connect("source-read", name_folders)


def name_folders(app: Sphinx, page: str, content: list[str]) -> None:
    """Links to folders, which GitHub shows and a site of pages cannot, become their names."""
    here = (Path(app.srcdir) / page).parent

    def named(link: re.Match[str]) -> str:
        return f"`{link[1]}`" if (here / link[2]).is_dir() else link[0]

    content[0] = LINK.sub(named, content[0])
