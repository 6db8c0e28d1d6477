"""Each entry point, run as a user runs it, on data that is made in a moment."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from data.opening import open_volume
from data.skeletons import read_swc

ENTRY_POINTS = ("phantom", "contact_sheet", "benchmark")


def run(entry_point: str, *arguments: str, folder: Path, code: int = 0) -> str:
    """What the command prints; it runs in `folder` and must end with `code`."""
    variables = {name: value for name, value in os.environ.items() if name != "NEUROPIL_DATA"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", f"experiments.{entry_point}", *arguments],
        cwd=folder,
        env=variables | {"HYDRA_FULL_ERROR": "0"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.mark.parametrize("entry_point", ENTRY_POINTS)
def test_help_shows_how_to_call_it_and_its_keys(tmp_path, entry_point):
    words = run(entry_point, "--help", folder=tmp_path)
    assert f"python -m experiments.{entry_point}" in words
    assert "seed: 0" in words
    assert not list(tmp_path.iterdir())


def test_a_typo_is_named_and_leaves_nothing_behind(tmp_path):
    words = run("phantom", "data.shap=[8,96,96]", folder=tmp_path, code=1)
    assert "Key 'shap' not in 'PhantomData'" in words
    assert not list(tmp_path.iterdir())


def test_a_phantom_with_its_report(tmp_path):
    words = run(
        "phantom",
        "data.shape=[16,160,160]",
        "data.tissue.synapses_per_um3=20",
        "seed=3",
        "hydra.run.dir=made",
        folder=tmp_path,
    )
    folder = tmp_path / "made"
    assert "report.html" in words and "Mvoxel/s" in words
    check_volumes(folder)
    check_tables(folder)
    check_report(folder / "report.html", rows(folder / "synapses.csv")[0])
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics["shape"] == [16, 160, 160]
    assert metrics["synapses"] == len(rows(folder / "synapses.csv"))
    assert 0 < metrics["volume_fractions"]["membrane"] < 1
    assert json.loads((folder / "environment.json").read_text())["packages"]["numpy"]
    assert (folder / ".hydra" / "config.yaml").exists()


def check_volumes(folder: Path) -> None:
    layers = ("image", "neurites", "membrane", "cleft_ids", "vesicles", "mitochondria")
    for layer in layers:
        volume = open_volume(str(folder / f"{layer}.zarr"))
        assert volume.shape == (16, 160, 160)
        assert volume.voxel_size_nm == (30, 6, 6)
    assert open_volume(str(folder / "image.zarr")).read().std() > 1


def check_tables(folder: Path) -> None:
    neurites = rows(folder / "neurites.csv")
    assert set(neurites[0]) == {"id", "kind", "length_nm", "synapses_out", "synapses_in"}
    with (folder / "synapses.csv").open() as stream:
        assert stream.readline().startswith("id,pre,post,z_nm,y_nm,x_nm")
    for neurite in neurites:
        assert len(read_swc(folder / "skeletons" / f"{neurite['id']}.swc").parents)


def check_report(path: Path, synapse: dict[str, str]) -> None:
    content = path.read_text()
    assert "http" not in content and "src=" in content
    assert content.count("data:image/") == content.count("<img ")
    assert content.count("<img ") >= 8
    assert f"{synapse['pre']} → {synapse['post']}" in content


def test_a_contact_sheet_without_real_data(tmp_path):
    small = [f"pairs.{name}.phantom.shape=[6,60,96]" for name in ("snemi3d", "vnc", "fib25")]
    run("contact_sheet", *small, "output=docs/sheet.png", "hydra.run.dir=made", folder=tmp_path)
    with Image.open(tmp_path / "docs" / "sheet.png") as sheet:
        assert 1400 < sheet.width < 1600
    assert (tmp_path / "made" / "contact_sheet.png").read_bytes() == (
        tmp_path / "docs" / "sheet.png"
    ).read_bytes()


def test_a_benchmark_writes_its_figures_and_the_machine(tmp_path):
    words = run(
        "benchmark",
        "phantom.shape=[16,96,96]",
        "crop_shape=[4,32,32]",
        "batch_size=2",
        "step_ms=0",
        "rounds=1",
        "hydra.run.dir=made",
        folder=tmp_path,
    )
    assert "left out" in words  # of the real set
    found = json.loads((tmp_path / "made" / "benchmark.json").read_text())
    assert found["environment"]["cpu"]
    units = {result["unit"].split()[0] for result in found["results"]}
    assert units == {"s", "Mvoxel/s", "crops/s", "%"}
    assert all(result["medians"]["neuropil"] >= 0 for result in found["results"])
    assert "| augmentation |" in (tmp_path / "made" / "benchmark.md").read_text()
    assert not list((tmp_path / "made").glob("tmp*"))
