"""The page about the convolution: its code runs, and what it quotes is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/winograd.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"(?:<!-- verbatim: (\S+) -->\n)?```python\n(.*?)```", re.DOTALL)


@pytest.fixture
def blocks() -> list[tuple[str, str]]:
    """Python blocks of the page: the file that one is quoted from, or "", and its text."""
    return BLOCK.findall(PAGE)


def test_the_code_of_the_page_runs_from_top_to_bottom(blocks):
    names = {"__name__": "page"}
    programs = [text for source, text in blocks if not source]
    assert len(programs) > 5
    for text in programs:
        exec(compile(text, "docs/winograd.md", "exec"), names)


def test_what_the_page_quotes_is_in_the_source(blocks):
    quotations = [(source, text) for source, text in blocks if source]
    assert quotations
    for source, text in quotations:
        assert text in (ROOT / source).read_text(encoding="utf-8")


def test_links_within_the_page_have_a_heading():
    headings = re.findall(r"^#+ (.+)$", PAGE, re.MULTILINE)
    anchors = {re.sub(r"[^\w\- ]", "", name.lower()).replace(" ", "-") for name in headings}
    links = set(re.findall(r"\]\(#([^)]+)\)", PAGE))
    assert links <= anchors
