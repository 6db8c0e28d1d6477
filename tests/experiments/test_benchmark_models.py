"""The networks' benchmark: all contenders do the same work, and the report says what was done."""

import functools
import json
from pathlib import Path
from typing import cast

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from hydra import compose, initialize_config_module
from omegaconf import OmegaConf

import models.convolution
import models.standardised
from configs import schema
from experiments.benchmarks.conv import timing
from experiments.benchmarks.models import suite
from experiments.benchmarks.models.cases import CASES, Case, draw_network, draw_samples
from experiments.benchmarks.models.jax_works import jax_work
from experiments.benchmarks.models.stock import stock_convolutions
from experiments.benchmarks.models.suite import STOCK, TORCH, fastest_words, size_words
from experiments.benchmarks.result import OURS, Result
from experiments.benchmarks.run import run as run_benchmark
from models.architecture import Architecture
from models.images import neighbouring
from ops.winograd import winograd_conv

SHALLOW = Architecture("shallow", ("membrane",), width=4, levels=3)
LAYERS = Architecture("shallow", ("membrane",), width=4, levels=1)
FLAT = Architecture("unet2d", ("membrane",), width=4, levels=2)
CUBIC = Architecture("unet3d", ("membrane",), width=4, levels=2)
THICK = Architecture("unet3d", ("membrane",), width=4, levels=3, anisotropic_levels=1)
SIZES = {SHALLOW: (2, 2, 8, 12), FLAT: (2, 2, 8, 12), CUBIC: (2, 4, 8, 6), THICK: (2, 4, 8, 16)}
LESSON = Case(CUBIC, "training step", SIZES[CUBIC])
TINY = (Case(LAYERS, "training step", SIZES[FLAT]), Case(FLAT, "inference", SIZES[FLAT]))
STEPS = 3


@pytest.fixture(autouse=True)
def lax_promotion():
    """optax mixes dtypes, and works are traced where they are made."""
    with jax.numpy_dtype_promotion("standard"):
        yield


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


@pytest.fixture
def quick(monkeypatch):
    """A benchmark of moments, that leaves the memory of this process alone."""
    monkeypatch.setattr(timing, "PAUSE_S", 0.0)
    monkeypatch.setattr(timing, "ENOUGH_S", -1.0)
    monkeypatch.setattr(suite, "CASES", TINY)
    monkeypatch.setattr(suite, "keep_freed_memory", lambda: "as it is")
    monkeypatch.setattr(suite, "torch_module", lambda: None)


def benchmark(folder: Path) -> tuple[list[dict], str]:
    """Results and report of the suite."""
    schema.register()
    with initialize_config_module("configs", version_base="1.3"):
        config = compose("benchmark", overrides=["suite=models", "rounds=1"])
    run_benchmark(cast(schema.BenchmarkRun, OmegaConf.to_object(config)), folder)
    results = json.loads((folder / "benchmark.json").read_text())["results"]
    return results, (folder / "benchmark.md").read_text()


def test_the_sizes_are_those_that_the_networks_can_see():
    assert len({case.label for case in CASES}) == len(CASES)
    for case in CASES:
        network = nnx.eval_shape(lambda case=case: draw_network(case.architecture, 0))
        assert not any(np.mod(case.shape[1:], network.multiple))


def test_a_batch_is_the_same_for_the_same_seed_and_has_some_positives():
    one, same, other = (draw_samples((1, 4, 32, 32), seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one.images, same.images)
    assert (one.images != other.images).any()
    assert 0.15 < one.targets.mean() < 0.25
    assert set(np.unique(one.targets)) == {0, 1} and (one.known == 1).all()


def test_no_parameter_of_a_drawn_network_is_at_its_start():
    for path, variable in nnx.to_flat_state(nnx.state(draw_network(CUBIC, 0), nnx.Param)):
        assert (np.asarray(variable[...]) != 0).all(), path


def test_stock_networks_have_no_convolution_but_lax_and_ours_come_back():
    samples = draw_samples(SIZES[FLAT], 0)
    with pytest.raises(ZeroDivisionError), stock_convolutions():
        assert models.convolution.winograd_conv is not winograd_conv
        raise ZeroDivisionError
    assert models.convolution.winograd_conv is models.standardised.winograd_conv is winograd_conv
    network = draw_network(FLAT, 0)

    def called() -> str:
        graph, params = nnx.split(network)
        forward = jax.jit(lambda params, x: nnx.merge(graph, params)(x))
        return forward.lower(params, samples.images).as_text()

    assert "custom_call" in called()
    with stock_convolutions():
        text = called()
    assert "custom_call" not in text and "stablehlo.convolution" in text


@functools.cache
def work_of(architecture):
    """A network, its samples and its logits."""
    network, samples = draw_network(architecture, 1), draw_samples(SIZES[architecture], 1)
    return network, samples, np.asarray(jax_work(network, "inference", samples)())


@pytest.mark.parametrize("architecture", SIZES)
def test_stock_jax_gives_the_same_logits(architecture):
    network, samples, wanted = work_of(architecture)
    with stock_convolutions():
        found = jax_work(network, "inference", samples)()
    assert wanted.shape == samples.images.shape
    assert_close(found, wanted)


@pytest.mark.parametrize("architecture", SIZES)
def test_pytorch_gives_the_same_logits(torch, architecture):
    from experiments.benchmarks.models.torch_works import torch_work

    network, samples, wanted = work_of(architecture)
    found = torch_work(network, "inference", samples)()
    assert found.is_inference()
    assert_close(found.movedim(1, -1).reshape(wanted.shape).numpy(), wanted)


def assert_close(found, wanted):
    """Relative to the largest, as sums over many channels round."""
    np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-3 * np.abs(wanted).max())


def test_all_contenders_learn_alike(torch):
    """Losses of later steps are the same only if gradients and updates are."""
    works = suite.case_works(LESSON, seed=0)
    losses = {who: [float(work()) for _ in range(STEPS)] for who, work in works.items()}
    assert set(losses) == {OURS, TORCH, STOCK}
    np.testing.assert_allclose(losses[TORCH], losses[OURS], rtol=1e-3)
    np.testing.assert_allclose(losses[STOCK], losses[OURS], rtol=1e-3)
    assert losses[OURS][-1] < 0.99 * losses[OURS][0]


@pytest.mark.parametrize("architecture", SIZES)
def test_the_peer_stays_channels_last(torch, architecture):
    """Of the other order, oneDNN's convolutions copy what they are given."""
    from experiments.benchmarks.models.torch_networks import tensor_of, torch_network

    rank = 3 if architecture.network == "unet3d" else 2
    layout = torch.channels_last_3d if rank == 3 else torch.channels_last
    peer, seen = torch_network(draw_network(architecture, 0)), []
    for name, part in peer.named_modules():
        if not name.startswith("lateral"):  # kernels of 1 are PyTorch's own on a single thread
            part.register_forward_hook(
                lambda part, given, y: seen.append(y.is_contiguous(memory_format=layout))
            )
    peer(tensor_of(draw_samples(SIZES[architecture], 0).images, rank))
    assert len(seen) > 5 and all(seen)
    for parameter in peer.parameters():
        assert parameter.ndim < 3 or parameter.is_contiguous(memory_format=layout)


@pytest.mark.parametrize("network", ["shallow", "folded", "unet2d"])
def test_the_peer_takes_neighbouring_sections_as_channels(torch, network):
    from experiments.benchmarks.models.torch_networks import tensor_of, torch_network

    several = Architecture(network, ("membrane", "cleft"), width=4, levels=2, sections=3)
    ours, images = draw_network(several, 0), jnp.asarray(draw_samples((1, 3, 16, 24), 0).images)
    seen = np.array(neighbouring(images, 3))
    theirs = torch_network(ours)(tensor_of(seen, 2)).detach().numpy()
    np.testing.assert_allclose(
        np.moveaxis(theirs, 1, -1), np.asarray(ours(images))[0], rtol=1e-3, atol=1e-4
    )


def test_the_suite_measures_every_case_and_says_on_what(tmp_path, quick):
    results, text = benchmark(tmp_path)
    assert [result["name"] for result in results] == [case.label for case in TINY]
    for result in results:
        assert result["unit"] == "Mvoxel/s"
        assert set(result["medians"]) == {OURS, STOCK}
        assert all(rate > 0 for rate in result["medians"].values())
        assert f"| {result['name']} |" in text
    assert "shallow of width 4, training step, 2 x 2x8x12" in text
    assert "Ratios of the fastest runs: " in text and "Memory: as it is." in text


def test_the_report_has_ratios_of_the_fastest_runs():
    rates = {OURS: [4.0, 6.0, 5.0], TORCH: [2.0, 2.0, 3.0], STOCK: [0.5, 0.5, 0.5]}
    words = fastest_words([Result("a net", "Mvoxel/s", rates)])
    assert words == "Ratios of the fastest runs: a net: PyTorch 2, stock JAX 12."


def test_the_report_has_the_sizes_of_each_network_once():
    words = size_words(CASES)
    assert words.count("unet3d") == words.count("unet2d") == words.count("shallow") == 1
    assert "unet3d with 4 levels, 4.7 million parameters" in words
    assert words.endswith(" threads.")
