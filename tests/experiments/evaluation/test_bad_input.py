"""Input that cannot be scored: the error says what it got, and nothing is left behind."""

import h5py
import numpy as np
import pytest
import tifffile

LABELS = ("segmentation", "instance")
VOLUMES = ("segmentation", "membrane", "cleft", "instance")
SITES = "pre,post,pre_z_nm,pre_y_nm,pre_x_nm,post_z_nm,post_y_nm,post_x_nm"


@pytest.fixture
def walls() -> np.ndarray:
    """Good for every task that takes volumes: as a probability, 255 is 1."""
    truth = np.zeros((4, 24, 24), np.uint8)
    truth[:, 12] = truth[..., 12] = 255
    return truth


@pytest.mark.parametrize("task", VOLUMES)
@pytest.mark.parametrize("key", ["prediction", "mask"])
def test_another_shape(refused, save, walls, task, key):
    good, cut = save(walls), save(walls[:, 1:])
    paths = (cut, good) if key == "prediction" else (good, good, f"mask={cut}")
    words = refused(task, *paths)
    assert f"{cut}: got shape (4, 23, 24); needs (4, 24, 24), the shape of {good}" in words


@pytest.mark.parametrize("task", VOLUMES)
def test_another_voxel_size(refused, save, walls, task):
    good, other = save(walls), save(walls, voxel_size_nm=(30.0, 4.0, 4.0))
    words = refused(task, other, good)
    assert f"{other}: got voxel size (30.0, 4.0, 4.0) nm; needs (30.0, 6.0, 6.0) nm" in words


@pytest.mark.parametrize("task", VOLUMES)
def test_another_offset(refused, save, walls, task):
    here, there = save(walls, offset=(1, 2, 3)), save(walls, offset=(1, 2, 4))
    words = refused(task, there, here)
    assert f"{there}: got offset (1, 2, 4); needs (1, 2, 3), the offset of {here}" in words
    assert "crop both" in words


def test_a_mask_that_lies_elsewhere_than_the_prediction(refused, save, walls):
    """The truth states no offset, and so does not disagree with either."""
    there, mask = save(walls, offset=(1, 2, 3)), save(walls, offset=(9, 9, 9))
    words = refused("segmentation", there, save(walls), f"mask={mask}")
    assert f"{mask}: got offset (9, 9, 9); needs (1, 2, 3), the offset of {there}" in words


@pytest.mark.parametrize("task", VOLUMES)
def test_an_offset_that_only_one_file_states_is_warned_of(evaluate, save, walls, task, caplog):
    placed = save(walls, offset=(1, 2, 3))
    expected = evaluate(task, placed, placed).figures["metrics"]
    assert "offset" not in caplog.text
    assert evaluate(task, placed, save(walls)).figures["metrics"] == expected
    assert "has offset (0, 0, 0)" in caplog.text
    assert "they are compared voxel by voxel" in caplog.text


@pytest.mark.parametrize("task", LABELS)
@pytest.mark.parametrize("key", ["prediction", "truth"])
def test_labels_that_are_floats(refused, save, walls, task, key):
    good, floats = save(walls), save(walls.astype(np.float32))
    words = refused(task, *((floats, good) if key == "prediction" else (good, floats)))
    assert f"{floats}: got voxels of dtype float32" in words
    assert "needs labels: integers >= 0" in words


@pytest.mark.parametrize("task", LABELS)
@pytest.mark.parametrize("key", ["prediction", "truth"])
def test_labels_below_0(refused, save, walls, task, key):
    good, negative = save(walls), save(-7 * (walls > 0).astype(np.int32))
    words = refused(task, *((negative, good) if key == "prediction" else (good, negative)))
    where = negative if (task, key) == ("segmentation", "prediction") else key
    assert f"{where}: got the label -7; needs labels >= 0" in words


@pytest.mark.parametrize("task", VOLUMES)
@pytest.mark.parametrize("key", ["prediction", "truth", "mask"])
def test_a_volume_with_channels(refused, save, walls, task, key):
    good, channels = save(walls), save(np.stack([walls, walls], axis=-1))
    paths = {"prediction": good, "truth": good, "mask": good} | {key: channels}
    words = refused(task, paths["prediction"], paths["truth"], f"mask={paths['mask']}")
    assert f"{channels}: got axes ('z', 'y', 'x', 'channel'); needs (z, y, x)" in words


def test_an_image_with_channels(refused, save, walls):
    colours = save(np.stack([walls] * 3, axis=-1))
    words = refused("segmentation", save(walls), save(walls), f"image={colours}")
    assert f"{colours}: got axes" in words


@pytest.mark.parametrize("task", ["membrane", "cleft"])
def test_probabilities_that_are_nan(refused, save, walls, task):
    probability = walls.astype(np.float32)
    probability[1, 2, 3] = np.nan
    path = save(probability, chunk_shape=(1, 24, 24))
    overrides = ("task.threshold=0.5",)
    words = refused(task, path, save(walls), *overrides)
    assert f"{path}: got NaN at voxel (z, y, x) = (1, 2, 3)" in words


@pytest.mark.parametrize("task", ["membrane", "cleft"])
@pytest.mark.parametrize(("factor", "limits"), [(1.5, "0.0 to 1.5"), (-0.5, "-0.5 to")])
def test_probabilities_outside_0_to_1(refused, save, walls, task, factor, limits):
    logits = save((walls > 0) * np.float32(factor))
    words = refused(task, logits, save(walls), "task.threshold=0.5")
    assert f"got probabilities from {limits}" in words
    assert "apply a sigmoid" in words


@pytest.mark.parametrize("dtype", [np.uint32, np.uint64, np.float32])
def test_ids_or_floats_as_the_truth_of_membranes(refused, save, walls, dtype):
    truth = save(walls.astype(dtype))
    words = refused("membrane", save(walls), truth)
    assert f"{truth}: got a truth of dtype {np.dtype(dtype)}; needs a mask" in words
    assert "data.targets.membrane_target" in words


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int64])
def test_small_ids_as_the_truth_of_membranes(refused, save, walls, dtype):
    truth = save((walls // 255 + 1).astype(dtype))
    words = refused("membrane", save(walls), truth)
    assert f"{truth}: got a truth with values 1 to 2; needs a mask of one value" in words


def test_ids_as_membrane_probabilities(refused, save, walls):
    words = refused("membrane", save(walls.astype(np.uint64)), save(walls))
    assert "got probabilities of dtype uint64" in words


def test_clefts_whose_kind_does_not_fit_the_threshold(refused, save, walls):
    good, floats = save(walls), save(walls.astype(np.float32))
    assert "needs task.threshold=0.5 or the like" in refused("cleft", floats, good)
    ids = save(walls.astype(np.uint32))
    words = refused("cleft", ids, good, "task.threshold=0.5")
    assert f"{ids}: got uint32 and task.threshold=0.5" in words
    assert f"{floats}: got a truth of float32" in refused("cleft", good, floats)


@pytest.mark.parametrize("task", VOLUMES)
@pytest.mark.parametrize("key", ["prediction", "truth", "mask"])
def test_a_missing_volume(refused, save, walls, tmp_path, task, key):
    good, missing = save(walls), f"{tmp_path}/missing.zarr"
    paths = {"prediction": good, "truth": good, "mask": good} | {key: missing}
    words = refused(task, paths["prediction"], paths["truth"], f"mask={paths['mask']}")
    assert words == f"{missing}: there is no such file or folder"


@pytest.mark.parametrize("task", [*VOLUMES, "skeleton"])
def test_a_volume_without_a_voxel_size(refused, swc, tmp_path, walls, task):
    path = f"{tmp_path}/labels.tif"
    tifffile.imwrite(path, walls, photometric="minisblack")
    truth = swc([(1, 1, 1), (2, 2, 2)]) if task == "skeleton" else path
    words = refused(task, path, truth)
    assert f"{path}: got no voxel size" in words
    assert "voxel_size_nm=[30,6,6]" in words


def test_a_voxel_size_of_two_numbers(refused, save, walls):
    words = refused("segmentation", save(walls), save(walls), "voxel_size_nm=[6,6]")
    assert "needs three numbers > 0" in words


@pytest.mark.parametrize(
    ("task", "override", "words"),
    [
        ("segmentation", "task.conventions=[cremi]", "got convention 'cremi'; needs some of"),
        ("segmentation", "task.border_nm=-1", "got task.border_nm=-1.0; needs a distance >= 0"),
        ("segmentation", "task.ious=[1.5]", "got an IoU threshold of 1.5"),
        ("segmentation", "resampling.blocks=[4,4]", "got resampling.blocks=[4, 4]; needs three"),
        ("segmentation", "resampling.blocks=[0,4,4]", "got resampling.blocks=[0, 4, 4]"),
        ("segmentation", "resampling.draws=0", "draws=0; needs at least 1"),
        ("membrane", "task.threshold=0", "got a threshold of 0.0; needs one in (0, 1]"),
        ("membrane", "task.calibration_bins=0", "got 0 bins; needs at least 1"),
        ("cleft", "task.distance_nm=-1", "got threshold_nm=-1.0; needs a finite length"),
        ("cleft", "task.threshold=2", "got task.threshold=2.0; needs a probability in (0, 1]"),
        ("cleft", "task.min_overlap=0", "got min_overlap=0; needs a number of voxels"),
        ("instance", "task.ious=[0]", "got an IoU threshold of 0"),
        ("instance", "task.distance_nm=-1", "got max_distance_nm=-1.0; needs a finite length"),
    ],
)
def test_settings_out_of_range(refused, save, walls, task, override, words):
    assert words in refused(task, save(walls), save(walls), override)


def test_a_folder_without_skeletons(refused, save, walls, tmp_path):
    words = refused("skeleton", save(walls), tmp_path)
    assert f"{tmp_path}: needs a folder with SWC files" in words
    assert "needs a folder with SWC files" in refused("skeleton", save(walls), tmp_path / "none")


def test_skeletons_outside_the_volume(refused, save, swc, walls):
    nodes = [(1e6, 1e6, 1e6), (1e6, 1e6, 2e6)]
    words = refused("skeleton", save(walls), swc(nodes))
    assert "got no place inside the volume, which spans [0.0, 0.0, 0.0] to [120.0," in words
    assert "places span [1000000.0, 1000000.0, 1000000.0]" in words


def test_skeletons_without_any_length(refused, save, swc, walls):
    words = refused("skeleton", save(walls), swc([(1, 1, 1)], [(2, 2, 2)]))
    assert "got skeletons with a length of 0.0 nm in all" in words


def test_skeletons_with_too_few_columns(refused, save, swc, walls):
    folder = swc([(1, 1, 1), (2, 2, 2)])
    with open(f"{folder}/1.swc", "w") as stream:
        stream.write("1 0 1 1 1 1\n")
    assert f"{folder}/1.swc: got 6 columns" in refused("skeleton", save(walls), folder)


def test_a_prediction_for_skeletons_that_is_no_labels(refused, save, swc, walls):
    floats = save(walls.astype(np.float32))
    words = refused("skeleton", floats, swc([(1, 1, 1), (2, 2, 2)]))
    assert f"{floats}: got voxels of dtype float32" in words


@pytest.mark.parametrize(
    ("task", "lines", "words"),
    [
        ("partner", ("a,b", "1,2"), "got columns a, b; needs pre_z_nm, pre_y_nm"),
        ("partner", (SITES[:-10], "1,2,3,4,5,6,7"), "needs post_x_nm as well"),
        ("partner", (SITES, "1,2,ten,4,5,6,7,8"), "could not convert string to float: 'ten'"),
        ("partner", (SITES, "1,2,3,4"), "needs numbers in pre_z_nm"),
        ("partner", (SITES, "1,2,inf,4,5,6,7,8"), "got a site that is not finite"),
        ("partner", (SITES, "1,-2,3,4,5,6,7,8"), "needs whole numbers >= 0 in pre, post"),
        ("connectome", ("id,pre", "1,2"), "got columns id, pre; needs post as well"),
        ("connectome", ("pre,post", "1,1.5"), "needs whole numbers >= 0 in pre, post"),
        ("connectome", ("pre,post", "1,-1"), "needs whole numbers >= 0 in pre, post"),
        ("connectome", ("pre,post", f"1,{2**64}"), "needs whole numbers >= 0 in pre, post"),
        ("connectome", ("pre,post", "1"), "needs whole numbers >= 0 in pre, post"),
    ],
)
def test_tables_without_what_is_needed(refused, table, task, lines, words):
    good = table(SITES, "1,2,3,4,5,6,7,8")
    assert words in refused(task, table(*lines), good)
    assert words in refused(task, good, table(*lines))


@pytest.mark.parametrize("task", ["partner", "connectome"])
def test_a_missing_table(refused, table, tmp_path, task):
    good, missing = table(SITES, "1,2,3,4,5,6,7,8"), f"{tmp_path}/missing.csv"
    assert f"No such file or directory: '{missing}'" in refused(task, missing, good)


@pytest.mark.parametrize("task", ["partner", "connectome"])
def test_a_table_that_is_no_text(refused, table, tmp_path, task):
    good, path = table(SITES, "1,2,3,4,5,6,7,8"), tmp_path / "table.csv"
    path.write_bytes(bytes(range(256)))
    assert f"{path}: got no CSV table" in refused(task, path, good)


def test_hdf5_files_have_no_ids(refused, table, tmp_path):
    path, good = tmp_path / "sample.h5", table(SITES, "1,2,3,4,5,6,7,8")
    h5py.File(path, "w").close()
    words = refused("partner", path, good)
    assert f"{path}: HDF5 files hold no neuron ids; needs task.segmentation=PATH" in words


def test_sites_outside_the_segmentation(refused, save, table, walls):
    far = table(SITES, "1,2,1e6,1e6,1e6,1e6,1e6,1e6")
    words = refused("partner", far, far, f"task.segmentation={save(walls)}")
    assert "got no place inside the volume" in words


@pytest.mark.parametrize("key", ["truth", "prediction"])
def test_a_connectome_with_one_segmentation(refused, save, table, walls, key):
    good = table("pre,post", "1,2")
    words = refused("connectome", good, good, f"task.{key}_segmentation={save(walls)}")
    assert "needs both, or neither where equal ids are the same neuron" in words


def test_segmentations_of_a_connectome_on_different_grids(refused, save, table, walls):
    good, cut = table("pre,post", "1,2"), save(walls[1:])
    paths = (f"task.truth_segmentation={save(walls)}", f"task.prediction_segmentation={cut}")
    assert f"{cut}: got shape (3, 24, 24)" in refused("connectome", good, good, *paths)


def test_segmentations_of_a_connectome_in_different_places(refused, save, table, walls):
    good, there = table("pre,post", "1,2"), save(walls, offset=(2, 2, 2))
    paths = (
        f"task.truth_segmentation={save(walls, offset=(1, 1, 1))}",
        f"task.prediction_segmentation={there}",
    )
    words = refused("connectome", good, good, *paths)
    assert f"{there}: got offset (2, 2, 2); needs (1, 1, 1)" in words


@pytest.mark.parametrize("task", ["skeleton", "partner", "connectome"])
def test_a_mask_where_no_voxels_are_scored(refused, task):
    words = refused(task, "a", "b", "mask=c.zarr")
    assert f"got mask=c.zarr for task={task}; needs a task that scores voxels" in words


def test_an_unknown_convention_lists_those_there_are(refused, save, walls):
    words = refused("segmentation", save(walls), save(walls), "task.conventions=[gala,isbi]")
    assert "got convention 'isbi'" in words
    assert "cremi2016, snemi3d_shipped" in words
    assert "isbi2012" in words


def test_a_connectome_at_a_limit_of_no_synapses(refused, table):
    good = table("pre,post", "1,2")
    words = refused("connectome", good, good, "task.min_synapses=[0]")
    assert "got min_synapses=0; needs a number of synapses, >= 1" in words


@pytest.mark.parametrize(
    ("task", "override"), [("membrane", "seed=0"), ("cleft", "task.threshold=0.5")]
)
def test_a_mask_in_place_of_a_probability(refused, save, walls, task, override):
    mask = save(walls // 255)
    words = refused(task, mask, save(walls), override)
    assert f"{mask}: got a prediction whose greatest value is 1 of 255, as of a mask" in words


def test_ids_in_place_of_a_membrane_mask_one_to_a_block(refused, save, walls, monkeypatch):
    monkeypatch.setattr("data.side_by_side.BLOCK_BYTES", 1)
    ids = np.repeat(np.arange(1, 5, dtype=np.uint8), 24 * 24).reshape(walls.shape)
    words = refused("membrane", save(walls), save(ids, chunk_shape=(1, 24, 24)))
    assert "got a truth with values" in words


def test_a_table_with_nothing_but_other_columns(refused, table):
    words = refused("connectome", table("a,b"), table("pre,post", "1,2"))
    assert "got columns a, b; needs pre, post as well" in words


def test_an_empty_file_in_place_of_a_table(refused, table):
    assert "got an empty file" in refused("connectome", table(), table("pre,post", "1,2"))


def test_a_table_as_excel_writes_it(evaluate, table):
    record = evaluate("connectome", table("\ufeffpre,post", "1,2"), table("pre,post", "1,2"))
    assert record.value("neuropil_graph_v1/edge_min1_f1") == 1


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("task.worst=-1", "got task.worst=-1; needs a number of errors >= 0"),
        ("task.border_nm=inf", "got task.border_nm=inf; needs a distance >= 0"),
        ("seed=-1", "got seed=-1; needs a whole number >= 0"),
    ],
)
def test_keys_out_of_range(refused, save, walls, override, words):
    assert words in refused("segmentation", save(walls), save(walls), override)


def test_a_convention_named_twice_is_scored_once(evaluate, save, walls):
    record = evaluate("segmentation", save(walls), save(walls), "task.conventions=[gala,gala]")
    keys = [(m["convention"], m["name"]) for m in record.figures["metrics"]]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("settings", ["task.least_voxels=5", "task.least_voxels=-1"])
def test_a_least_size_of_clefts_without_a_threshold(refused, save, walls, settings):
    words = refused("cleft", save(walls), save(walls), settings)
    assert f"got {settings}, task.threshold=None; needs a number >= 0, of prob" in words


def test_affinities_with_other_channels_than_the_truth(refused, save, walls):
    two, three = (save(np.stack([walls] * n, axis=-1)) for n in (2, 3))
    assert f"{three}: got 3 channels; needs 2, as {two} has" in refused("affinity", three, two)


@pytest.mark.parametrize("settings", ["task.thresholds=[0.5]", "task.channels=[a,a]"])
def test_affinities_with_other_thresholds_or_names_than_channels(refused, save, walls, settings):
    both = save(np.stack([walls] * 2, axis=-1))
    assert "for 2 channels; needs one of each" in refused("affinity", both, both, settings)


def test_a_mask_as_the_probability_of_objects(refused, save, walls):
    mask = save((walls > 0).astype(np.uint8))
    words = refused("instance", mask, mask, "task.threshold=0.5")
    assert f"{mask}: got a prediction whose greatest value is 1 of 255" in words
