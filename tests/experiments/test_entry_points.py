"""Each entry point on data that is made in a moment; one of them also as a user starts it."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from hydra import compose, initialize_config_module
from omegaconf import OmegaConf
from PIL import Image

from configs import schema
from data.opening import create_volume, open_volume
from data.skeletons import read_swc
from experiments.benchmarks.run import run as run_benchmark
from experiments.phantom_report.run import run as run_phantom
from experiments.sheet.run import run as run_contact_sheet

TISSUE = ("data.shape=[16,160,160]", "data.tissue.synapses_per_um3=20", "seed=3")


def configured(entry_point: str, *overrides: str) -> Any:
    schema.register()
    with initialize_config_module("configs", version_base="1.3"):
        return OmegaConf.to_object(compose(entry_point, overrides=list(overrides)))


def start(entry_point: str, *arguments: str, folder: Path, code: int = 0) -> str:
    """What the command prints; it runs in `folder`, without real data, and ends with `code`."""
    variables = {name: value for name, value in os.environ.items() if name != "NEUROPIL_DATA"}
    command = [sys.executable, "-W", "error", "-m", f"experiments.{entry_point}", *arguments]
    done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_a_typo_is_named_and_leaves_nothing_behind(tmp_path):
    words = start("phantom", "data.shap=[8,96,96]", folder=tmp_path, code=1)
    assert "Key 'shap' not in 'PhantomData'" in words
    assert not list(tmp_path.iterdir())


def test_a_run_as_a_user_starts_it(tmp_path):
    words = start("phantom", "data.shape=[8,96,96]", folder=tmp_path)
    (folder,) = (tmp_path / "outputs" / "phantom").iterdir()
    assert f"{folder.name}/report.html" in words
    assert "Mvoxel/s" in words
    assert (folder / "report.html").exists()
    assert (folder / ".hydra" / "config.yaml").exists()
    assert "neurites" in (folder / "phantom.log").read_text()


def test_an_evaluation_as_a_user_starts_it(tmp_path):
    labels = np.repeat(np.arange(1, 5, dtype=np.uint32), 6 * 24 * 6).reshape(6, 24, 24)
    for name, ids in (("truth", labels), ("prediction", np.maximum(labels, 2))):
        path = str(tmp_path / f"{name}.zarr")
        volume = create_volume(path, shape=ids.shape, dtype="uint32", voxel_size_nm=(30, 6, 6))
        volume.write(ids)
    settings = ("task.conventions=[cremi2016,skimage]", "resampling.draws=20", "seed=1")
    paths = ("prediction=prediction.zarr", "truth=truth.zarr")
    words = start("evaluate", *paths, *settings, folder=tmp_path)
    (folder,) = (tmp_path / "outputs" / "evaluate").iterdir()
    assert "| cremi2016 | 0.5 bits | 0 bits | 0.5 bits |" in words
    assert f"{folder.name}/report.html" in words
    assert json.loads((folder / "metrics.json").read_text())["metrics"][0]["value"] == 0.5
    assert rows(folder / "worst_merges.csv")[0]["object"] == "2"
    assert "data:image/jpeg" in (folder / "report.html").read_text()
    assert (folder / ".hydra" / "config.yaml").exists()


def test_an_evaluation_of_nothing_says_what_is_missing(tmp_path):
    words = start("evaluate", "prediction=a.zarr", "truth=b.zarr", folder=tmp_path, code=1)
    assert "b.zarr: there is no such file or folder" in words
    (folder,) = (tmp_path / "outputs" / "evaluate").iterdir()
    assert not {"metrics.json", "report.html"} & {path.name for path in folder.iterdir()}


def test_a_phantom_with_its_report(tmp_path):
    run_phantom(configured("phantom", *TISSUE), tmp_path)
    check_volumes(tmp_path)
    check_tables(tmp_path)
    synapses = rows(tmp_path / "synapses.csv")
    check_report(tmp_path / "report.html", synapses[0])
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert metrics["shape"] == [16, 160, 160]
    assert metrics["synapses"] == len(synapses)
    assert 0 < metrics["volume_fractions"]["membrane"] < 1
    assert json.loads((tmp_path / "environment.json").read_text())["packages"]["numpy"]


def check_volumes(folder: Path) -> None:
    for layer in ("image", "neurites", "membrane", "cleft_ids", "vesicles", "mitochondria"):
        volume = open_volume(str(folder / f"{layer}.zarr"))
        assert volume.shape == (16, 160, 160)
        assert volume.voxel_size_nm == (30, 6, 6)
    assert open_volume(str(folder / "image.zarr")).read().std() > 1


def check_tables(folder: Path) -> None:
    neurites, synapses = rows(folder / "neurites.csv"), rows(folder / "synapses.csv")
    assert set(neurites[0]) >= {"id", "kind", "length_nm", "synapses_out", "synapses_in"}
    assert set(synapses[0]) >= {"id", "pre", "post", "z_nm", "y_nm", "x_nm"}
    for neurite in neurites:
        assert len(read_swc(folder / "skeletons" / f"{neurite['id']}.swc").parents)


def check_report(path: Path, synapse: dict[str, str]) -> None:
    content = path.read_text()
    assert "http" not in content
    assert content.count("data:image/") == content.count("<img ") >= 8
    assert f"{synapse['id']}: {synapse['pre']} → {synapse['post']}" in content


def test_a_contact_sheet_without_real_data(tmp_path, monkeypatch):
    monkeypatch.delenv("NEUROPIL_DATA", raising=False)
    small = [f"pairs.{name}.phantom.shape=[6,60,96]" for name in ("snemi3d", "vnc", "fib25")]
    output = tmp_path / "docs" / "sheet.png"
    run_contact_sheet(configured("contact_sheet", *small, f"output={output}"), tmp_path)
    with Image.open(output) as sheet:
        assert 1400 < sheet.width < 1600
    assert (tmp_path / "contact_sheet.png").read_bytes() == output.read_bytes()
    output.write_bytes(b"a complete sheet")
    run_contact_sheet(configured("contact_sheet", *small, f"output={output}"), tmp_path)
    assert output.read_bytes() == b"a complete sheet"


def test_a_contact_sheet_with_real_data(tmp_path, data_root):
    overrides = [
        "~pairs.snemi3d",
        "~pairs.vnc",
        "pairs.fib25.phantom.shape=[8,60,96]",
        f"pairs.fib25.real.root={data_root}",
        f"output={tmp_path / 'sheet.png'}",
    ]
    run_contact_sheet(configured("contact_sheet", *overrides), tmp_path)
    with Image.open(tmp_path / "sheet.png") as sheet:
        darkest, brightest = np.percentile(np.asarray(sheet.convert("L"))[60:300, 16:700], (5, 95))
    assert brightest - darkest > 50  # an empty panel has one grey


def test_a_benchmark_writes_its_figures_and_the_machine(tmp_path, monkeypatch):
    monkeypatch.delenv("NEUROPIL_DATA", raising=False)
    overrides = ["phantom.shape=[16,96,96]", "crop_shape=[4,32,32]", "batch_size=2", "step_ms=0"]
    run_benchmark(configured("benchmark", *overrides, "rounds=1"), tmp_path)
    found = json.loads((tmp_path / "benchmark.json").read_text())
    assert found["environment"]["cpu"]
    assert {result["unit"].split()[0] for result in found["results"]} == {
        "s",
        "Mvoxel/s",
        "crops/s",
        "%",
    }
    assert all(result["medians"]["neuropil"] >= 0 for result in found["results"])
    assert "| augmentation |" in (tmp_path / "benchmark.md").read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "benchmark.json",
        "benchmark.md",
        "environment.json",
    ]
