"""A report as one HTML file that needs nothing else: pictures lie inside it, styles too."""

import base64
import html
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from matplotlib.figure import Figure
from PIL import Image

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #1d2733; background: #fff;
       margin: 0 auto; padding: 1rem; max-width: 60rem; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: .5rem 0; }
h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; }
p, figcaption { color: #4a5866; }
figcaption { font-size: .9rem; margin-top: .4rem; }
figure { margin: 0; }
img { width: 100%; height: auto; display: block; border-radius: 4px; }
.numbers { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr));
           gap: .6rem; margin: 1.2rem 0; }
.numbers div { background: #f3f6f9; border-radius: 6px; padding: .6rem .8rem; }
.numbers b { display: block; font-size: 1.35rem; }
.numbers span { font-size: .85rem; color: #4a5866; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(19rem, 1fr)); gap: 1rem; }
.gallery { display: grid; grid-template-columns: repeat(auto-fill, minmax(8.5rem, 1fr));
           gap: .6rem; }
.key i { display: inline-block; width: .8em; height: .8em; border-radius: 2px;
         margin: 0 .3em 0 .8em; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .3rem 1.2rem .3rem 0; border-bottom: 1px solid #dfe5eb;
         vertical-align: top; }
th { font-weight: 600; }
td + td, th + th { text-align: right; }
.scroll { overflow-x: auto; }
"""


def write_page(path: Path, title: str, lead: str, parts: Iterable[str]) -> None:
    """Writes the report: its title, one sentence that leads in, and parts in HTML."""
    content = "\n".join(parts)
    path.write_text(
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        f"<h1>{html.escape(title)}</h1>\n<p>{html.escape(lead)}</p>\n{content}\n</body>\n</html>\n"
    )


def section(title: str, *parts: str) -> str:
    """Parts under a heading."""
    return f"<h2>{html.escape(title)}</h2>\n" + "\n".join(parts)


def text(words: str) -> str:
    """A paragraph."""
    return f"<p>{html.escape(words)}</p>"


def beside(kind: str, parts: Iterable[str]) -> str:
    """Parts side by side as wide as the screen allows; `kind` is "pair" or "gallery"."""
    return f'<div class="{kind}">\n' + "\n".join(parts) + "\n</div>"


def numbers(values: Mapping[str, str]) -> str:
    """The figures that matter most, in large type: what it is, to its value."""
    cells = (
        f"<div><b>{html.escape(value)}</b><span>{html.escape(name)}</span></div>"
        for name, value in values.items()
    )
    return beside("numbers", cells)


def colour_key(colours: Mapping[str, tuple[int, int, int]]) -> str:
    """Which colour (red, green, blue) means what."""
    marks = (
        f'<i style="background: rgb{colour}"></i>{html.escape(name)}'
        for name, colour in colours.items()
    )
    return f'<p class="key">{" ".join(marks)}</p>'


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; all columns but the first are set to the right."""
    lines = [_row("th", header), *(_row("td", row) for row in rows)]
    return '<div class="scroll"><table>\n' + "\n".join(lines) + "\n</table></div>"


def _row(tag: str, cells: Sequence[str]) -> str:
    return "<tr>" + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells) + "</tr>"


def micrograph(image: Image.Image, caption: str) -> str:
    """A picture of tissue, compressed as photographs are, with what it shows in words."""
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, "JPEG", quality=88)
    return _figure("jpeg", buffer.getvalue(), caption)


def plot(figure: Figure, caption: str) -> str:
    """A drawn figure, with what it shows in words."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=160, bbox_inches="tight")
    return _figure("png", buffer.getvalue(), caption)


def _figure(kind: str, content: bytes, caption: str) -> str:
    data = base64.b64encode(content).decode()
    words = html.escape(caption)
    return (
        f'<figure><img alt="{words}" src="data:image/{kind};base64,{data}">'
        f"<figcaption>{words}</figcaption></figure>"
    )
