"""VESICLE-RF: its features are what they say, its vesicles lie in clusters, it finds synapses."""

import math

import numpy as np
import pytest
from scipy import ndimage, signal
from skimage.feature import structure_tensor, structure_tensor_eigenvalues

from experiments.benchmarks.synapses import features, forest, vesicle_hits
from experiments.benchmarks.synapses.features import NAMES, forest_features
from ops.metrics.synapse_objects import vesicle_objects, vesicle_rule

SHAPE = (7, 32, 40)
SIZE_NM = (30.0, 6.0, 6.0)


@pytest.fixture
def image():
    rng = np.random.default_rng(0)
    smooth = ndimage.gaussian_filter(rng.standard_normal(SHAPE), (0.5, 2, 2))
    return np.clip(128 + 300 * smooth, 0, 255).astype(np.uint8)


@pytest.fixture
def vesicles():
    found = np.zeros(SHAPE, bool)
    found[3, 10:14, 12:16] = True
    return found


def column(name, image, vesicles):
    everywhere = np.ones(image.shape, bool)
    found = forest_features(image, vesicles, everywhere)
    assert found.shape == (image.size, len(NAMES)) and found.dtype == np.float32
    return found[:, NAMES.index(name)].reshape(image.shape)


@pytest.mark.parametrize(("box", "shape"), [("5x5x1", (1, 5, 5)), ("15x15x3", (3, 15, 15))])
def test_intensity_is_the_mean_of_a_box(image, vesicles, box, shape):
    z, y, x = 3, 16, 20
    reach = [n // 2 for n in shape]
    inside = tuple(slice(c - r, c + r + 1) for c, r in zip((z, y, x), reach, strict=True))
    found = column(f"intensity {box}", image, vesicles)
    assert found[z, y, x] == pytest.approx(image[inside].mean(), rel=1e-5)


def test_the_gradient_is_that_of_sobel_by_convolution(image, vesicles):
    kernel = np.outer([1, 2, 1], [-1, 0, 1])
    whole = image.astype(float)
    slopes = [
        np.stack([signal.convolve2d(section, k, mode="same") for section in whole])
        for k in (kernel, kernel.T)
    ]
    magnitude = np.hypot(*slopes)
    found = features.gradient_magnitude(image.astype(np.float32))
    inner = (slice(None), slice(1, -1), slice(1, -1))
    np.testing.assert_allclose(found[inner], magnitude[inner], rtol=1e-4, atol=1e-3)
    mean = magnitude[2:5, 16 - 7 : 16 + 8, 20 - 7 : 20 + 8].mean()
    smoothed = column("gradient 15x15x3", image, vesicles)
    assert smoothed[3, 16, 20] == pytest.approx(mean, rel=1e-4)


def test_a_spiral_goes_clockwise_inward_through_all_places():
    assert features.spiral(3) == [
        *((0, 0), (0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0)),
        (1, 1),
    ]
    assert len(set(features.spiral(5))) == 25 and features.spiral(5)[-1] == (2, 2)


def test_each_darker_neighbour_sets_its_bit():
    image = np.full((1, 9, 9), 5, np.float32)
    image[0, 2, 2] = 1  # the first corner of the window around (4, 4): bit 0
    image[0, 4, 3] = 1  # beside its middle: the last place of the spiral before it
    image[0, 6, 6] = 9  # brighter: no bit
    assert features.local_binary_pattern(image)[0, 4, 4] == 1 + 2**23
    assert features.local_binary_pattern(image * 10)[0, 4, 4] == 1 + 2**23  # of the order alone


def test_coherence_is_that_of_the_structure_tensor_of_scikit_image(image):
    found = features.structure_coherence(image.astype(np.float32))
    assert found.min() >= 0 and found.max() <= 1 + 1e-5
    # By Gaussian derivatives, which scikit-image takes by Sobel's kernel of a smoothed image.
    smooth = ndimage.gaussian_filter(image[3].astype(float), 1.0)
    larger, smaller = structure_tensor_eigenvalues(structure_tensor(smooth, sigma=1.0))
    expected = ((larger - smaller) / (larger + smaller)) ** 2
    inner = (slice(6, -6), slice(6, -6))
    assert np.corrcoef(found[3][inner].ravel(), expected[inner].ravel())[0, 1] > 0.95


def test_stripes_are_coherent_and_nothing_is_not():
    x = np.arange(40, dtype=np.float32)
    stripes = np.broadcast_to(100 * np.sin(x / 3), (2, 30, 40)).astype(np.float32)
    np.testing.assert_allclose(features.structure_coherence(stripes)[:, 8:-8, 8:-8], 1, atol=1e-3)
    assert not features.structure_coherence(np.ones((2, 9, 9), np.float32)).any()


def test_vesicles_are_counted_and_measured_by_hand(image, vesicles):
    counted = column("vesicles in 50x50", image, vesicles)
    assert counted[3, 12, 14] == pytest.approx(16, rel=1e-4) and not counted[2].any()
    density = column("vesicle density 25x25x5", image, vesicles)
    assert density[3, 12, 14] == pytest.approx(16 / (25 * 25 * 5), rel=1e-4)
    away = column("distance to vesicle", image, vesicles)
    assert away[3, 10, 12] == 0 and away[5, 10, 12] == 2
    assert away[3, 7, 8] == pytest.approx(5)  # 3 rows and 4 columns
    assert features.distance_to(~np.ones(SHAPE, bool)).max() == np.float32(math.hypot(*SHAPE))


def test_only_the_places_asked_for_are_given_in_order(image, vesicles):
    places = np.random.default_rng(1).random(SHAPE) < 0.1
    whole = forest_features(image, vesicles, np.ones(SHAPE, bool)).reshape(*SHAPE, -1)
    np.testing.assert_array_equal(forest_features(image, vesicles, places), whole[places])


def test_the_laplacian_of_gaussian_is_flat_to_constants_and_round():
    kernel = vesicle_hits.laplacian_of_gaussian(11, 0.5)
    assert kernel.sum() == pytest.approx(0, abs=1e-5)
    np.testing.assert_allclose(kernel, kernel.T)
    # (0 - 2 / 4) / (1 / 16) = -8 times the middle of a Gaussian whose sum is 1.
    gaussian = np.exp(-2 * (np.mgrid[:11, :11] - 5.0) ** 2).prod(axis=0)
    assert kernel[5, 5] == pytest.approx(-8 / gaussian.sum(), abs=0.01)


def test_vesicles_in_a_cluster_are_found_and_one_by_itself_is_not():
    ring = vesicle_hits.drawn_template(6.0)
    image = np.full((2, 80, 120), 160, np.uint8)
    rng = np.random.default_rng(0)
    image += rng.integers(0, 3, image.shape, np.uint8)
    middles = [(20, 20), (20, 33), (33, 20), (33, 33), (50, 90)]
    for y, x in middles:
        image[0, y - 5 : y + 6, x - 5 : x + 6] += np.rint(70 * ring).astype(np.int8).view(np.uint8)
    found = vesicle_hits.find_vesicles(image, ring, SIZE_NM)
    assert all(found[0, y, x] for y, x in middles[:4])
    assert not found[0, :, 70:].any() and not found[1].any()


def test_a_hit_needs_three_others_within_120_nm():
    hits = np.zeros((3, 60, 60), bool)
    hits[0, 10, [10, 20, 30]] = True
    assert not vesicle_hits.clustered(hits, SIZE_NM).any()
    hits[2, 10, 20] = True  # 60 nm below the second, and 85 nm from the others
    assert vesicle_hits.clustered(hits, SIZE_NM).sum() == 3 + 1  # the outer two are 120 nm apart
    hits[:, 10, 30] = False  # left are two neighbours for each
    assert not vesicle_hits.clustered(hits, SIZE_NM).any()


def test_a_template_is_the_mean_around_labelled_vesicles():
    image = np.random.default_rng(0).integers(0, 255, (2, 40, 40), np.uint8)
    labels = np.zeros(image.shape, np.uint8)
    labels[0, 9:12, 19:22] = labels[1, 30, 20] = labels[1, 2, 20] = 1  # the last: at the edge
    expected = (image[0, 5:16, 15:26].astype(float) + image[1, 25:36, 15:26]) / 2
    np.testing.assert_allclose(vesicle_hits.template_of(image, labels), expected, rtol=1e-6)
    with pytest.raises(ValueError, match="got no labelled vesicle; needs one"):
        vesicle_hits.template_of(image, np.zeros_like(labels))


def test_candidates_are_a_wide_band_along_long_membranes():
    membrane = np.zeros((2, 60, 120), np.float32)
    membrane[0, 30] = 0.9
    membrane[1, 30, :20] = 0.9  # a band of 11 x 25 pixels: too small
    found = forest.candidates(membrane)
    assert found[0, 25:36].all() and not found[0, :25].any() and not found[1].any()


def test_a_sample_is_balanced_and_keeps_clear_of_borders():
    truth = np.zeros((5, 40, 40), np.uint8)
    truth[2, 10:20, 10:20] = 1
    places = np.ones(truth.shape, bool)
    rng = np.random.default_rng(0)
    chosen, is_synapse = forest.training_sample(truth, places, 60, rng)
    assert is_synapse.sum() == 60 and chosen.sum() == 120
    np.testing.assert_array_equal(is_synapse, truth[chosen] == 1)
    others = np.argwhere(chosen & (truth == 0))
    assert not (
        (others[:, 0] == 3) & (others[:, 1:] < 20).all(1) & (others[:, 1:] > 9).all(1)
    ).any()
    chosen, is_synapse = forest.training_sample(truth, places, 10**6, rng)
    assert is_synapse.sum() == 100 and chosen.sum() == 200
    with pytest.raises(ValueError, match="got 0 candidates in synapses"):
        forest.training_sample(0 * truth, places, 60, rng)


def planted(seed):
    """Membranes 40 rows apart, dark bands on them, and all of it a little noisy."""
    rng = np.random.default_rng(seed)
    image, membrane = np.full((8, 120, 160), 170.0), np.zeros((8, 120, 160), np.float32)
    clefts = np.zeros(image.shape, np.uint8)
    for y in (20, 60, 100):
        image[:, y - 1 : y + 2], membrane[:, y - 1 : y + 2] = 90, 0.9
        x = int(rng.integers(20, 110))
        clefts[1:7, y - 4 : y + 5, x : x + 30] = 1
    image[clefts == 1] = 50
    image = ndimage.gaussian_filter(image, (0, 1, 1)) + rng.normal(0, 6, image.shape)
    return np.clip(image, 0, 255).astype(np.uint8), membrane, clefts


def test_a_small_forest_finds_planted_synapses_in_a_volume_that_it_has_not_seen():
    image, membrane, clefts = planted(0)
    none = np.zeros(image.shape, bool)
    chosen, kinds = forest.training_sample(
        clefts, forest.candidates(membrane), 2000, np.random.default_rng(0)
    )
    trained = forest.train_forest(forest_features(image, none, chosen), kinds, trees=8, seed=0)
    image, membrane, clefts = planted(1)
    places = forest.candidates(membrane)
    found = forest.forest_probability(trained, forest_features(image, none, places), places)
    assert found[~places].max() == 0 and 0 <= found.min() <= found.max() <= 1
    cut = {"min_size_2d": 0, "max_size_2d": 5000, "min_size_3d": 500, "min_slices": 3}
    matches = vesicle_rule(clefts, vesicle_objects(found, 0.7, **cut))
    assert (matches.true_positives, matches.false_positives, matches.false_negatives) == (3, 0, 0)


def test_without_candidates_nothing_is_likely():
    trained = forest.train_forest(np.eye(10, dtype=np.float32), np.arange(10) > 4, trees=2, seed=0)
    nowhere = np.zeros((2, 3, 4), bool)
    assert not forest.forest_probability(trained, np.zeros((0, 10), np.float32), nowhere).any()
