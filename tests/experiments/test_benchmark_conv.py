"""The convolution benchmark: its layers, its limits, its tables and its pictures."""

import csv
import json
import math
import subprocess
import sys
from pathlib import Path
from typing import cast

import jax
import numpy as np
import pytest
from hydra import compose, initialize_config_module
from omegaconf import OmegaConf
from PIL import Image

from configs import schema
from experiments.benchmarks.conv import allocator, limits, run, suite, timing
from experiments.benchmarks.conv.jax_works import PASSES, jax_works, lax_conv
from experiments.benchmarks.conv.layers import ALL, MAIN, Layer
from experiments.benchmarks.conv.limits import DRAM, L3, PEAK, machine_limits, sizes_of
from experiments.benchmarks.conv.random_layers import MAX_CHANNELS, MAX_FLOP, draw_layers
from experiments.benchmarks.conv.rows import rows_of
from experiments.benchmarks.conv.suite import TORCH, XLA, Measured, draw_arrays, layer_works
from experiments.benchmarks.conv.sweep import Compared, sweep_words
from experiments.benchmarks.conv.table import layer_table
from experiments.benchmarks.conv.timing import seconds_of
from experiments.benchmarks.conv.torch_works import torch_works
from experiments.benchmarks.result import OURS, Result
from experiments.benchmarks.run import run as run_benchmark
from ops.native import extension

TINY = (
    Layer("plane", (1, 9, 8, 5), (3, 3), 7, "tiny"),
    Layer("volume", (2, 4, 5, 6, 3), (1, 3, 3), 4, "tiny"),
)
MEGABYTE = 1 << 20


@pytest.fixture
def quick(monkeypatch):
    """A benchmark of moments, that leaves the memory of this process alone."""
    monkeypatch.setattr(timing, "PAUSE_S", 0.0)
    monkeypatch.setattr(limits, "PAUSE_S", 0.0)
    monkeypatch.setattr(limits, "STEPS", 1000)
    monkeypatch.setattr(limits, "MAX_BYTES", MEGABYTE)
    monkeypatch.setattr(run, "MAIN", TINY)
    monkeypatch.setattr(run, "SWEEP_SHAPES", 3)
    monkeypatch.setattr(run, "keep_freed_memory", lambda: "as it is")
    monkeypatch.setattr(suite, "torch_module", lambda: None)


def benchmark(folder: Path, *overrides: str) -> tuple[list[dict], str]:
    """Results and table of the suite."""
    schema.register()
    with initialize_config_module("configs", version_base="1.3"):
        config = compose("benchmark", overrides=["suite=conv", "rounds=1", *overrides])
    run_benchmark(cast(schema.BenchmarkRun, OmegaConf.to_object(config)), folder)
    results = json.loads((folder / "benchmark.json").read_text())["results"]
    return results, (folder / "benchmark.md").read_text()


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def measured(**figures: list[float]) -> Measured:
    names = {"ours": OURS, "xla": XLA, "torch": TORCH, "peak": PEAK}
    result = Result("", "GFLOP/s", {names[name]: values for name, values in figures.items()})
    return Measured(TINY[0], "forward", result)


def test_the_layers_are_convolutions_that_differ_and_the_main_ones_are_among_all():
    assert len({layer.label for layer in ALL}) == len(ALL)
    assert set(MAIN) < set(ALL)
    for layer in ALL:
        assert len(layer.kernel) == len(layer.shape) - 2
        assert all(taps % 2 == 1 for taps in layer.kernel)  # the same padding on both sides
        assert min(*layer.shape, layer.cout) >= 1


def test_operations_and_bytes_of_a_layer_of_c3d():
    (layer,) = [layer for layer in ALL if (layer.group, layer.name) == ("C3D", "conv2a")]
    assert layer.label == "C3D conv2a: 64\u2192128 at 16x56x56"
    assert layer.flop == 2 * 50_176 * 27 * 64 * 128 == 22_196_256_768
    assert layer.bytes == 4 * (50_176 * (64 + 128) + 27 * 64 * 128) == 39_419_904


@pytest.mark.parametrize("layer", TINY)
def test_contenders_compute_the_same_in_every_pass(layer):
    for what, works in layer_works(layer, 0).items():
        found, wanted = (jax.tree.leaves(works[who]()) for who in (OURS, XLA))
        assert len(found) == {"step": 3}.get(what, 1)
        for one, other in zip(found, wanted, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("layer", TINY)
def test_pytorch_computes_the_same(layer):
    torch = pytest.importorskip("torch")
    arrays = draw_arrays(layer, 0)
    found = torch_works(torch, *arrays)["step"]()
    y, (dx, dw) = jax_works(lax_conv, *arrays)["step"]()
    spatial = range(2, len(layer.shape))
    for one, other, axes in [
        (found[0], y, (0, *spatial, 1)),
        (found[1], dx, (0, *spatial, 1)),
        (found[2], dw, (*spatial, 1, 0)),
    ]:
        np.testing.assert_allclose(one.numpy().transpose(axes), other, rtol=1e-4, atol=1e-4)


def test_pytorch_computes_one_gradient_at_a_time():
    torch = pytest.importorskip("torch")
    works = torch_works(torch, *draw_arrays(TINY[0], 0))
    assert [value is not None for value in works["dX"]()] == [True, False, False]
    assert [value is not None for value in works["dW"]()] == [False, True, False]


def test_slow_work_runs_once_in_a_round_and_quick_work_a_few_times(monkeypatch):
    monkeypatch.setattr(timing, "PAUSE_S", 0.0)
    runs = []
    assert seconds_of(lambda: runs.append(1)) >= 0
    assert len(runs) == timing.RUNS
    monkeypatch.setattr(timing, "ENOUGH_S", -1.0)
    seconds_of(lambda: runs.append(1))
    assert len(runs) == timing.RUNS + 1


def test_the_limits_of_this_machine_are_positive(quick):
    if extension() is None:
        pytest.skip("the C++ extension is not built on this machine")
    measures, words = machine_limits()
    assert list(measures) == [PEAK, L3, DRAM]
    assert all(0 < measure() < math.inf for measure in measures.values())
    assert "MB" in words


def test_limits_of_no_threads_or_no_work_are_refused():
    native = extension()
    if native is None:
        pytest.skip("the C++ extension is not built on this machine")
    for threads, repeats in ((0, 1), (1, 0)):
        with pytest.raises(ValueError, match="at least 1"):
            native.fma_peak(threads, repeats)
        with pytest.raises(ValueError, match="at least 1"):
            native.read_bandwidth(np.ones(64, np.float32), threads, repeats)


@pytest.mark.parametrize(
    ("l2", "l3", "read_l3", "read_dram", "words"),
    [
        (1, 32, 8, 128, None),
        (2, 480, 16, 1_500_000_000 / MEGABYTE, None),
        (2, 4, 2, 16, "partly L2's"),
        (2, 1024, 16, 1_500_000_000 / MEGABYTE, "partly L3's"),
    ],
)
def test_what_is_read_fits_the_cache_or_words_say_so(l2, l3, read_l3, read_dram, words):
    sizes = sizes_of(l2 * MEGABYTE, l3 * MEGABYTE, 2)
    assert (sizes.l3 / MEGABYTE, sizes.dram / MEGABYTE) == (read_l3, read_dram)
    assert "partly" not in sizes.words if words is None else words in sizes.words


def test_the_table_has_ratios_of_fastest_runs_and_of_medians():
    figures = {"ours": [100.0, 300.0, 200.0], "xla": [10.0, 20.0, 15.0], "peak": [150.0] * 3}
    table = layer_table([measured(**figures)])
    label = "tiny plane: 5\u21927 at 9x8"
    assert f"| {label} | forward | 300 (200) | 2 (1.3) | 15 (13) |  |" in table
    assert "fastest runs" in table


def test_a_row_for_each_contender_with_its_intensity_and_for_each_limit():
    found = measured(ours=[100.0, 300.0], torch=[50.0, 40.0], peak=[150.0, 140.0])
    limit = Result(L3, "GB/s", {L3: [90.0, 80.0]})
    *contenders, machine = rows_of([found], [limit])
    assert [row["contender"] for row in contenders] == [OURS, TORCH, PEAK]
    assert {row["flop_per_byte"] for row in contenders} == {TINY[0].flop / TINY[0].bytes}
    assert [row["rounds"] for row in contenders] == [[100.0, 300.0], [50.0, 40.0], [150.0, 140.0]]
    assert (machine["layer"], machine["contender"], machine["unit"]) == ("machine", L3, "GB/s")
    assert machine["rounds"] == [90.0, 80.0]


def test_the_suite_measures_every_pass_and_draws_what_it_found(tmp_path, quick):
    results, text = benchmark(tmp_path)
    layers = [result for result in results if OURS in result["figures"]]
    assert len(layers) == len(TINY) * len(PASSES)
    for result in layers:
        assert {OURS, XLA} <= set(result["medians"])
        assert all(v >= result["medians"][who] > 0 for who, v in result["highest"].items())
    for layer in TINY:
        assert all(f"| {layer.label} | {what} |" in text for what in PASSES)
    assert "Memory: as it is." in text
    assert "Limits of the machine: " in text
    if extension() is not None:
        assert [result["name"] for result in results[len(layers) :]] == [PEAK, L3, DRAM]
    found = rows(tmp_path / "roofline.csv")
    assert len([row for row in found if row["contender"] in (OURS, XLA)]) == 2 * len(layers)
    assert all(float(row["highest"]) > 0 for row in found)
    stored = json.loads((tmp_path / "layers.json").read_text())["rows"]
    assert {len(row["rounds"]) for row in stored if row["contender"] in (OURS, XLA)} == {1}
    for name in ("roofline.png", "speed.png"):
        with Image.open(tmp_path / name) as picture:
            assert np.asarray(picture.convert("L")).std() > 5


def test_a_sweep_writes_each_shape_with_its_plan_and_names_the_worst(tmp_path, quick):
    (result,), text = benchmark(tmp_path, "layers=sweep")
    found = rows(tmp_path / "sweep.csv")
    ratios = [float(row["times_as_fast"]) for row in found]
    assert ratios == sorted(result["figures"][OURS])
    assert all(row["path"] in ("winograd", "direct", "lax") for row in found)
    assert "3 random shapes, forward" in text
    assert found[0]["shape"] in text


def test_slower_shapes_are_those_that_take_a_tenth_longer():
    seconds = [(1.0, 3.0), (1.0, 2.0), (1.05, 1.0), (1.2, 1.0)]
    words = sweep_words([Compared(TINY[0], ours, xla) for ours, xla in seconds])
    assert "1.5 times as fast as XLA in the median; 25.0% are slower" in words


def test_random_layers_are_the_same_for_the_same_seed_and_within_bounds():
    layers = draw_layers(200, 3)
    assert layers == draw_layers(200, 3) != draw_layers(200, 4)
    assert {len(layer.kernel) for layer in layers} == {1, 2, 3}
    assert {taps for layer in layers for taps in layer.kernel} == {1, 2, 3, 4, 5}
    for layer in layers:
        assert len(layer.kernel) == len(layer.shape) - 2
        assert 1 <= min(layer.cin, layer.cout) <= max(layer.cin, layer.cout) <= MAX_CHANNELS
        assert min(layer.shape) >= 1
        assert layer.flop <= 2 * MAX_FLOP  # sides are rounded


def test_malloc_keeps_memory_where_there_is_glibc():
    """In a process of its own, as it holds for all of one."""
    program = f"from {allocator.__name__} import keep_freed_memory; print(keep_freed_memory())"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.startswith("malloc ")


def test_elsewhere_malloc_is_left_alone_and_the_report_says_so(monkeypatch):
    monkeypatch.setattr(allocator.platform, "libc_ver", lambda: ("", ""))
    assert "no glibc" in allocator.keep_freed_memory()


def test_a_malloc_that_refuses_is_reported(monkeypatch):
    class Refusing:
        def mallopt(self, parameter, value):
            return 0

    monkeypatch.setattr(allocator.platform, "libc_ver", lambda: ("glibc", "2.36"))
    monkeypatch.setattr(allocator.ctypes, "CDLL", lambda name: Refusing())
    assert "refused" in allocator.keep_freed_memory()
