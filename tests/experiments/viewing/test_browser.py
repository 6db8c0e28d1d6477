"""The viewer in a real browser: it loads, has its layers, and shows tissue and segments."""

import io
import shutil
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

from experiments.report.colours import POST, PRE
from experiments.viewing.run import read_source
from experiments.viewing.scene import scene
from experiments.viewing.server import serving

playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright, of the dev group")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SOFTWARE = ("--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist")
SEEN = """names => window.viewer?.isReady() && window.viewer.layerManager.managedLayers
    .filter(layer => layer.visible).map(layer => layer.name).join() === names"""
SECTION, SPACE = np.s_[95:230, 40:300], np.s_[280:460, 40:300]  # within two of the panels
WAIT_MS = 120_000  # until it is given up


@pytest.fixture
def page() -> Iterator:
    """An empty page of a headless browser that draws by software."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip(f"no browser found: needs one of {', '.join(BROWSERS)}")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=[*SOFTWARE, "--no-sandbox"])
        yield browser.new_page(viewport={"width": 640, "height": 480})
        browser.close()


def test_a_run_in_a_browser(folder, page):
    wrong, addresses = list[str](), list[str]()
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if is_error(said) else None)
    page.on("request", lambda request: addresses.append(request.url))
    with serving(scene(folder, read_source(folder)), 0) as viewer:
        page.goto(viewer.get_viewer_url())
        everything = pictured(page, "image,segmentation,skeletons,clefts,synapses,merge errors")
        labels = page.locator(".neuroglancer-layer-item-label").all_inner_texts()
        show(viewer, "image")
        tissue = pictured(page, "image")
        show(viewer)
        nothing = pictured(page, "")
        home = viewer.get_viewer_url().split("/v/")[0]
    assert set(labels) >= {"membrane", "segmentation", "synapses"}
    assert spread(everything[SECTION]) > 20 < spread(tissue[SECTION])
    assert coloured(everything[SECTION]) > 0.5 > 0.02 > coloured(tissue[SECTION])
    assert coloured(everything[SPACE]) > 0.2 > 0.1 > coloured(tissue[SPACE])
    for rgb in (PRE, POST):
        assert count(everything, rgb) > 5 and count(tissue, rgb) == 0
    assert spread(nothing[SECTION]) < 5 and coloured(nothing[SECTION]) < 0.02
    assert wrong == []
    assert all(address.startswith((home, "blob:", "data:")) for address in addresses)


def is_error(said) -> bool:
    """Whether a page complains of more than that it has no icon."""
    return said.type in ("error", "warning") and "favicon.ico" not in said.location["url"]


def show(viewer, *names: str) -> None:
    """Shows these layers and no other."""
    with viewer.txn() as state:
        for layer in state.layers:
            layer.visible = layer.name in names


def pictured(page, names: str) -> np.ndarray:
    """What the page shows (red, green, blue), once these layers are drawn and no other."""
    page.wait_for_function(SEEN, arg=names, timeout=WAIT_MS)
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    return np.asarray(picture).astype(int)


def spread(picture: np.ndarray) -> float:
    """The standard deviation of grey values."""
    return float(picture.mean(axis=2).std())


def coloured(picture: np.ndarray) -> float:
    """The share of pixels that are not grey."""
    return float((picture.max(axis=2) - picture.min(axis=2) > 25).mean())


def count(picture: np.ndarray, rgb: tuple[int, int, int]) -> int:
    """Pixels of about a colour."""
    return int((np.abs(picture - np.array(rgb)).max(axis=2) < 12).sum())
