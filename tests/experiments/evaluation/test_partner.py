"""`task=partner` on tables of a few synapses."""

import h5py
import numpy as np
import pytest

HEADER = "id,pre,post,pre_z_nm,pre_y_nm,pre_x_nm,post_z_nm,post_y_nm,post_x_nm"
FIRST, SECOND = "1,1,2,10,10,10,10,90,10", "2,2,1,10,90,50,10,20,50"
SECOND_SWAPPED = "2,1,2,10,20,50,10,90,50"


@pytest.fixture
def labels() -> np.ndarray:
    """1 below y = 72 nm, 2 above."""
    return np.repeat([1, 2], 12).astype(np.uint32)[None, :, None] * np.ones((4, 1, 24), np.uint32)


def test_a_perfect_prediction_scores_perfectly(evaluate, phantom):
    synapses = phantom / "synapses.csv"
    record = evaluate("partner", synapses, synapses)
    assert record.metric("cremi2016/partner_f1")["counts"]["true_positives"] == 4
    assert [metric["value"] for metric in record.figures["metrics"]] == [1] * 4


def test_the_segmentation_of_a_phantom_agrees_with_the_ids_of_its_table(evaluate, phantom):
    """Sites with ids that were exchanged match all the same where labels are looked up."""
    synapses, neurites = phantom / "synapses.csv", phantom / "neurites.zarr"
    record = evaluate("partner", synapses, synapses, f"task.segmentation={neurites}")
    assert record.value("cremi2016/partner_f1") == 1
    assert record.metric("neuropil_polarity_v1/partner_polarity_accuracy")["counts"] == {
        "right": 4,
        "compared": 4,
    }


@pytest.mark.parametrize("looked_up", [False, True])
def test_a_swapped_synapse_shows_in_polarity(evaluate, save, table, labels, looked_up):
    overrides = [f"task.segmentation={save(labels)}"] if looked_up else []
    paths = table(HEADER, FIRST, SECOND_SWAPPED), table(HEADER, FIRST, SECOND)
    record = evaluate("partner", *paths, *overrides)
    assert record.metric("cremi2016/partner_f1")["counts"] == {
        "true_positives": 1,
        "false_positives": 1,
        "false_negatives": 1,
    }
    polarity = record.metric("neuropil_polarity_v1/partner_polarity_accuracy")
    assert (polarity["value"], polarity["counts"]) == (0.5, {"right": 1, "compared": 2})


def test_a_segmentation_overrules_the_ids_of_the_tables(evaluate, save, table, labels):
    renamed = FIRST.replace("1,1,2,", "1,88,99,")
    paths = table(HEADER, renamed), table(HEADER, FIRST)
    assert evaluate("partner", *paths).value("cremi2016/partner_f1") == 0
    record = evaluate("partner", *paths, f"task.segmentation={save(labels)}")
    assert record.value("cremi2016/partner_f1") == 1


def test_partners_of_other_neurites_do_not_match_however_near(evaluate, save, table, labels):
    across = FIRST.replace("10,10,10,10,90,10", "10,70,10,10,74,10")
    beyond = FIRST.replace("10,10,10,10,90,10", "10,74,10,10,78,10")
    paths = table(HEADER, beyond), table(HEADER, across)
    record = evaluate("partner", *paths, f"task.segmentation={save(labels)}")
    assert record.value("cremi2016/partner_f1") == 0


@pytest.mark.parametrize(("limit", "f1"), [(50, 1), (49, 0)])
def test_both_sites_have_to_be_near(evaluate, table, limit, f1):
    moved = FIRST.replace("10,90,10", "40,130,10")  # 30 and 40 nm: 50 nm
    record = evaluate(
        "partner", table(HEADER, moved), table(HEADER, FIRST), f"task.distance_nm={limit}"
    )
    assert record.value("cremi2016/partner_f1") == f1
    assert record.metric("cremi2016/partner_f1")["settings"]["max_distance_nm"] == limit


def test_ids_that_the_truth_does_not_know_are_warned_of(evaluate, table, caplog):
    foreign = FIRST.replace("1,1,2,", "1,88,99,")
    evaluate("partner", table(HEADER, foreign), table(HEADER, FIRST))
    assert "no id of the prediction is one of the truth" in caplog.text


def test_columns_are_found_by_name(evaluate, table):
    order = "post_x_nm,post_y_nm,post_z_nm,pre_x_nm,pre_y_nm,pre_z_nm,post,pre,size"
    paths = table(order, "10,90,10,10,10,10,2,1,77"), table(HEADER, FIRST)
    assert evaluate("partner", *paths).value("cremi2016/partner_f1") == 1


def test_the_files_of_cremi_are_read_as_they_are(evaluate, save, table, labels, tmp_path):
    path = tmp_path / "sample.hdf"
    with h5py.File(path, "w") as file:
        file["annotations/ids"] = np.array([4, 1, 3, 2], np.uint64)
        places = [[10, 10, 10], [10, 90, 10], [10, 90, 50], [10, 20, 50]]
        file["annotations/locations"] = np.array(places, float)
        pairs = np.array([[4, 1], [3, 2]], np.uint64)
        file["annotations/presynaptic_site/partners"] = pairs
    paths = path, table(HEADER, FIRST, SECOND)
    record = evaluate("partner", *paths, f"task.segmentation={save(labels)}")
    assert record.value("cremi2016/partner_f1") == 1
    assert record.value("neuropil_polarity_v1/partner_polarity_accuracy") == 1


def test_tables_without_synapses(evaluate, table):
    none, one = table(HEADER), table(HEADER, FIRST)
    record = evaluate("partner", none, one)
    assert record.value("cremi2016/partner_precision") == 1
    assert record.value("cremi2016/partner_recall") == record.value("cremi2016/partner_f1") == 0
    assert evaluate("partner", one, none).value("cremi2016/partner_precision") == 0
    record = evaluate("partner", none, none)
    assert record.metric("cremi2016/partner_f1")["value"] is None
    polarity = record.metric("neuropil_polarity_v1/partner_polarity_accuracy")
    assert "no matched connection" in polarity["note"]
