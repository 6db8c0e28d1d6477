"""What the viewer serves: voxels, trees and places of a run, and nothing before its time."""

import io
import shutil
import zlib

import numpy as np
import pytest
import tensorstore as ts

from data.opening import open_volume
from data.volume import Volume, from_array
from experiments.viewing import annotations, neurites, surfaces, volumes
from experiments.viewing.run import read_source
from experiments.viewing.scene import scene

GREAT = 2**63 + 5


@pytest.fixture
def state(folder):
    return scene(folder, read_source(folder))


def names(state) -> dict[str, bool]:
    """Layers, and whether they are shown."""
    return {layer.name: bool(layer.visible) for layer in state.layers}


def chunk(source, start, end, key="1,1,1") -> np.ndarray:
    """What a browser gets that asks for a box of voxels."""
    data, _ = source.get_encoded_subvolume("npz", np.array(start), np.array(end), key)
    return np.load(io.BytesIO(zlib.decompress(data)))


def source(state, name):
    """What a layer is read from."""
    return state.layers[name].source[0].url


def test_a_finished_run_has_all_layers_and_hides_what_is_seldom_wanted(state):
    assert names(state) == {
        "image": True,
        "membrane": False,
        "segmentation": True,
        "skeletons": True,
        "clefts": True,
        "synapses": True,
        "merge errors": True,
    }
    assert state.layout.type == "4panel"


def test_supervoxels_and_truth_are_there_to_be_asked_for(folder, image, segments):
    shutil.copytree(folder / "segmentation.zarr", folder / "supervoxels.zarr")
    source = {"image": from_array(image, (30, 6, 6)), "neurites": from_array(segments, (30, 6, 6))}
    shown = names(scene(folder, source))
    assert (shown["supervoxels"], shown["truth"], shown["segmentation"]) == (False, False, True)


@pytest.mark.parametrize(
    ("gone", "left"),
    [
        (("clefts.zarr", "synapses.csv", "merge_errors.csv"), {"image", "membrane"}),
        (("segmentation.zarr", "neurites.csv", "synapses.csv"), {"image", "clefts"}),
        (("skeletons", "segmentation.zarr", "clefts.zarr"), {"synapses", "merge errors"}),
    ],
)
def test_what_a_run_has_not_made_is_left_out(folder, gone, left):
    for name in gone:
        path = folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    shown = names(scene(folder, read_source(folder)))
    files = {"merge_errors.csv": "merge errors"}
    assert not {files.get(name, name.split(".")[0]) for name in gone} & set(shown)
    assert left <= set(shown)


def test_a_run_whose_image_has_moved_is_shown_without_it(folder, tmp_path, caplog):
    shutil.rmtree(tmp_path / "stack.zarr")
    shown = names(scene(folder, read_source(folder)))
    assert "image" not in shown and shown["segmentation"]
    assert "stack.zarr" in caplog.text


def test_the_browser_gets_the_very_voxels_with_ids_of_64_bits(state, image, segments):
    for name, truth in (("image", image), ("segmentation", segments)):
        served = source(state, name)
        assert served.voxel_offset.tolist() == [2, 10, 20]
        assert served.dimensions.names == ("z", "y", "x")
        np.testing.assert_allclose(served.dimensions.scales, [30e-9, 6e-9, 6e-9])
        np.testing.assert_array_equal(chunk(served, (1, 2, 60), (5, 64, 96)), truth[1:5, 2:, 60:])
    far = chunk(source(state, "segmentation"), (0, 0, 20), (4, 32, 48), "2,2,2")
    np.testing.assert_array_equal(far, segments[::2, ::2, 40::2])
    assert GREAT in far


def test_only_what_is_looked_at_is_read():
    asked = []

    def read(domain, chunk, _):
        asked.append(domain.shape)
        chunk[...] = np.arange(domain.shape[2], dtype=np.uint8)

    layout = ts.ChunkLayout(chunk_shape=(8, 64, 64))
    store = ts.virtual_chunked(read, dtype=ts.uint8, shape=(4000, 9000, 9000), chunk_layout=layout)
    layer = volumes.image_layer(Volume(store, (30.0, 6.0, 6.0)))
    chunk(layer.source[0].url, (5, 100, 100), (6, 164, 164))
    asked_for = 512 * 512 + 64 * 64
    assert sum(int(np.prod(shape)) for shape in asked) <= 16 * asked_for  # in whole chunks


def test_grey_values_are_shown_over_the_range_that_they_have():
    grey = np.linspace(1000, 3000, 8 * 600 * 600).reshape(8, 600, 600).astype(np.uint16)
    shown = volumes.image_layer(from_array(grey, (30, 6, 6)))
    low, high = shown.shader_controls["normalized"].to_json()["range"]
    assert 1750 < low < high < 2000  # of the section in the middle


@pytest.mark.parametrize(("dtype", "most"), [("uint8", 255), ("float32", 1)])
def test_where_all_grey_values_are_the_same_the_whole_range_is_shown(dtype, most):
    flat = volumes.image_layer(from_array(np.zeros((2, 8, 8), dtype), (30, 6, 6)))
    assert flat.shader_controls["normalized"].to_json()["range"] == [0, most]


def test_it_looks_at_the_synapse_nearest_to_the_middle(state):
    np.testing.assert_allclose(state.position, [180 / 30, 260 / 6, 310 / 6], rtol=1e-6)
    assert list(state.dimensions.names) == ["z", "y", "x"]
    assert list(state.display_dimensions) == ["x", "y", "z"]


def test_without_synapses_it_looks_at_the_middle(folder):
    (folder / "synapses.csv").unlink()
    state = scene(folder, read_source(folder))
    np.testing.assert_allclose(state.position, [2 + 4, 10 + 32, 20 + 48])


def test_partners_of_near_synapses_come_first_then_the_longest_neurites(state, folder):
    assert list(state.layers["segmentation"].segments) == [1, 2, GREAT]
    assert neurites.chosen(folder, []) == [GREAT, 2, 1]
    assert neurites.longest(folder, 1) == [GREAT]
    colours = state.layers["skeletons"].segment_colors
    assert set(colours) == {1, 2, GREAT} and all(len(c) == 7 for c in colours.values())


def test_skeletons_are_those_of_the_files(folder):
    served = neurites.SwcSource(folder / "skeletons")
    tree = served.get_skeleton(GREAT)
    np.testing.assert_allclose(tree.vertex_positions, [[z, 252, 606] for z in (75, 165, 255)])
    assert tree.edges.tolist() == [[1, 0], [2, 1]]
    assert served.get_skeleton(77).encode(served) == bytes(8)  # no nodes, no edges


def test_synapses_go_from_pre_to_post_with_their_segments(state):
    near, far = state.layers["synapses"].annotations
    np.testing.assert_allclose(near.point_a, [180, 260, 286])
    np.testing.assert_allclose(near.point_b, [180, 260, 334])
    assert told(near) == ([[1], [2]], [0.75, 50])
    assert near.description == "synapse 2: 1 → 2, direction 0.75"
    assert told(far) == ([[2], [GREAT]], [0, 40])
    assert far.description.endswith("direction unknown")


def test_merge_errors_are_points_with_what_was_done(state):
    divided, kept = state.layers["merge errors"].annotations
    np.testing.assert_allclose(divided.point, [60 + 75, 60 + 195, 120 + 135], atol=0.5)
    assert told(divided) == ([[1], [GREAT]], [0.9, 1])
    assert told(kept) == ([[2], []], [0.6, 0])


def told(annotation) -> tuple[list, list]:
    """The segments of an annotation, by relationship, and its properties."""
    return [list(ids) for ids in annotation.segments], list(annotation.props)


def test_more_annotations_than_a_browser_takes_are_cut_with_a_warning(folder, caplog):
    rows = annotations.read_rows(folder / "merge_errors.csv") * 2501
    layer = annotations.merge_error_layer(rows)
    assert len(layer.annotations) == 5000
    assert "merge errors: shows 5000 of 5002" in caplog.text


def test_a_surface_encloses_its_object_where_that_lies(folder, segments):
    served = surfaces.Objects(open_volume(str(folder / "segmentation.zarr")))
    vertices, faces = decoded(served.get_object_mesh(GREAT))
    inside = np.argwhere(segments == GREAT)
    low, high = inside.min(0) * [30, 6, 6], (inside.max(0) + 1) * [30, 6, 6]
    np.testing.assert_allclose(vertices.min(0), low, atol=13)
    np.testing.assert_allclose(vertices.max(0), high, atol=13)
    a, b, c = np.moveaxis(vertices[faces], 1, 0)
    enclosed = abs(np.einsum("ni,ni->", a, np.cross(b, c)) / 6)
    assert enclosed == pytest.approx(len(inside) * 30 * 6 * 6, rel=0.1)


def test_an_id_that_is_not_there_has_an_empty_surface(folder):
    served = surfaces.Objects(open_volume(str(folder / "segmentation.zarr")))
    vertices, faces = decoded(served.get_object_mesh(12345))
    assert (len(vertices), len(faces)) == (0, 0)


def test_surfaces_of_large_volumes_are_of_coarser_voxels(monkeypatch, segments):
    monkeypatch.setattr(surfaces, "MOST_KEPT", 8 * 16 * 24)
    labels, size = surfaces.read_small(from_array(segments, (30, 6, 6)))
    assert (labels.shape, size) == ((8, 16, 24), (30, 24, 24))
    assert set(np.unique(labels)) <= {0, 1, 2, GREAT}
    monkeypatch.setattr(surfaces, "MOST_READ", segments.size - 1)
    layer = volumes.label_layer(from_array(segments, (30, 6, 6)))
    assert layer.source[0].subsources["meshes"].enabled is False


def decoded(content: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Vertices (z, y, x) in nm, and faces."""
    count = int(np.frombuffer(content, "<u4", 1)[0])
    vertices = np.frombuffer(content, "<f4", 3 * count, 4).reshape(-1, 3)
    faces = np.frombuffer(content, "<u4", offset=4 + 12 * count).reshape(-1, 3)
    return vertices.astype(np.float64) * 1e9, faces
