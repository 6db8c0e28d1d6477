"""The benchmark of growth: its runs are real, and its words are those of the numbers."""

import json
from typing import cast

from hydra import compose, initialize_config_module
from omegaconf import OmegaConf

from configs import schema
from experiments.benchmarks.run import run
from experiments.benchmarks.scaling.suite import Cost, in_words


def test_each_size_and_each_number_of_workers_is_a_run_of_its_own(tmp_path):
    schema.register()
    with initialize_config_module("configs", version_base="1.3"):
        chosen = ["suite=scaling", "scaling.shapes=[[4,64,64],[4,64,128]]", "scaling.workers=1"]
        chosen.append("scaling.weights=phantom/membrane")
        config = cast(
            schema.BenchmarkRun, OmegaConf.to_object(compose("benchmark", overrides=chosen))
        )
    run(config, tmp_path)
    rows = json.loads((tmp_path / "scaling.json").read_text())["rows"]
    assert [row["workers"] for row in rows] == [1, 1]
    assert [row["megabytes"] for row in rows] == [4 * 64 * 64 / 1e6, 4 * 64 * 128 / 1e6]
    assert all(row["seconds"] > 0 and row["peak_memory_gb"] > 0 for row in rows)
    assert (tmp_path / "scaling.png").stat().st_size > 1000


def test_growth_and_speed_up_are_told():
    costs = [Cost(100.0, 2, 30.0, 1.0), Cost(400.0, 2, 120.0, 1.3), Cost(100.0, 1, 57.0, 1.0)]
    words = in_words(costs)
    assert "to the power of 1.00; the largest process by 1.00 MB for every MB" in words
    assert "2 workers are 1.90 times as fast as one" in words
    assert "| 400 MB | 2 | 120 s | 3.33 | 1.30 GB |" in words
