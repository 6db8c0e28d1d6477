"""`task=connectome` on graphs of a few neurons."""

import logging

import numpy as np
import pytest

TRUTH = ("id,pre,post", "1,1,2", "2,1,2", "3,2,3")


def test_a_perfect_prediction_scores_perfectly(evaluate, phantom):
    synapses = phantom / "synapses.csv"
    record = evaluate("connectome", synapses, synapses)
    edge = record.metric("neuropil_graph_v1/edge_min1_f1")
    assert (edge["value"], edge["counts"]["true_positives"]) == (1, 4)
    assert record.value("neuropil_graph_v1/edge_polarity_accuracy") == 1
    assert edge["settings"]["correspondence"] == "equal ids"


def test_a_weaker_and_a_swapped_connection(evaluate, table):
    record = evaluate("connectome", table(TRUTH[0], "1,1,2", "2,3,2"), table(*TRUTH))
    assert record.metric("neuropil_graph_v1/edge_min1_f1")["counts"] == {
        "true_positives": 1,
        "false_positives": 1,
        "false_negatives": 1,
    }
    assert record.value("neuropil_graph_v1/edge_min2_recall") == 0
    assert record.metric("neuropil_graph_v1/edge_min5_f1")["value"] is None
    polarity = record.metric("neuropil_graph_v1/edge_polarity_accuracy")
    assert (polarity["value"], polarity["counts"]) == (0.5, {"right": 1, "compared": 2})
    # Synapses (truth, prediction): 1 to 2 (2, 1), 2 to 3 (1, 0), 3 to 2 (0, 1).
    expected = np.corrcoef([2, 1, 0], [1, 0, 1])[0, 1]
    correlation = record.value("neuropil_graph_v1/edge_weight_correlation")
    assert correlation == pytest.approx(expected, abs=1e-12)


def test_limits_are_those_of_the_task(evaluate, table):
    record = evaluate("connectome", table(*TRUTH), table(*TRUTH), "task.min_synapses=[2,3]")
    assert record.value("neuropil_graph_v1/edge_min2_f1") == 1
    assert record.metric("neuropil_graph_v1/edge_min2_f1")["counts"]["true_positives"] == 1
    assert "edge_min1_f1" not in record.values("neuropil_graph_v1")


@pytest.fixture
def labels() -> np.ndarray:
    """Neurons 1, 2 and 3, side by side."""
    return np.repeat([1, 2, 3], 6).astype(np.uint32)[None, :, None] * np.ones((4, 1, 9), np.uint32)


def test_neurons_correspond_by_their_overlap(evaluate, save, table, labels, monkeypatch):
    monkeypatch.setattr("data.side_by_side.BLOCK_BYTES", 100)
    names = np.array([0, 3, 1, 2], np.uint32)  # what the prediction calls 1, 2 and 3
    renamed = names[np.roll(labels, 1, axis=1)]
    prediction = table("pre,post", "3,1", "3,1", "1,2")
    record = evaluate("connectome", prediction, table(*TRUTH))
    assert record.value("neuropil_graph_v1/edge_min2_f1") == 0
    overrides = (
        f"task.prediction_segmentation={save(renamed, chunk_shape=(2, 5, 3))}",
        f"task.truth_segmentation={save(labels, chunk_shape=(2, 5, 3))}",
    )
    record = evaluate("connectome", prediction, table(*TRUTH), *overrides)
    assert record.value("neuropil_graph_v1/edge_min1_f1") == 1
    assert record.value("neuropil_graph_v1/edge_min2_f1") == 1
    edge = record.metric("neuropil_graph_v1/edge_min1_f1")
    assert "Hungarian" in edge["settings"]["correspondence"]


def test_synapses_of_nothing_known_are_left_out_with_a_warning(evaluate, table, caplog):
    prediction = table(*TRUTH, "4,0,2", "5,2,0")
    with caplog.at_level(logging.WARNING):
        record = evaluate("connectome", prediction, table(*TRUTH))
    assert record.value("neuropil_graph_v1/edge_min1_f1") == 1
    assert "table0.csv: synapses with an id of 0 are left out" in caplog.text


def test_ids_are_exact_beyond_what_a_float_holds(evaluate, table):
    record = evaluate(
        "connectome",
        table("pre,post", f"{2**64 - 1},{2**60}"),
        table("pre,post", f"{2**64 - 1},{2**60 + 1}"),
    )
    assert record.value("neuropil_graph_v1/edge_min1_f1") == 0


def test_tables_without_synapses(evaluate, table):
    none, some = table("pre,post"), table(*TRUTH)
    record = evaluate("connectome", none, some)
    assert record.value("neuropil_graph_v1/edge_min1_recall") == 0
    assert record.value("neuropil_graph_v1/edge_min1_f1") == 0
    correlation = record.metric("neuropil_graph_v1/edge_weight_correlation")
    assert correlation["value"] is None
    assert "needs at least two" in correlation["note"]
    record = evaluate("connectome", none, none)
    assert record.metric("neuropil_graph_v1/edge_min1_f1")["value"] is None
