"""The typed schema behind every YAML: a wrong key or type fails before anything runs.

Nothing heavy is imported here, so that `--help` and mistakes answer at once. Lists stand for the
tuples of `data`, as YAML has no tuples; all lengths are in nm, all axes (z, y, x).
"""

import dataclasses
import enum

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING

from configs.reconstruction import DaskEngine, ProcessesEngine, ReconstructRun, SerialEngine
from configs.sources import DATA_ROOT, Data, DigitsData, FilesData, NamedData, PhantomData, Tracker
from configs.training import (
    CrossClassifierConfig,
    EdgeClassifier,
    MergeNetConfig,
    ModelConfig,
    TrainRun,
)


@dataclasses.dataclass
class PhantomRun:
    """`python -m experiments.phantom`."""

    data: PhantomData = MISSING
    seed: int = 0


@dataclasses.dataclass
class Pair:
    """A row of the contact sheet: a real set and the phantom made to look like it."""

    title: str = MISSING
    real: NamedData = MISSING
    phantom: PhantomData = MISSING


@dataclasses.dataclass
class ContactSheetRun:
    """`python -m experiments.contact_sheet`; rows are drawn in the order of `pairs`.

    Attributes:
        pairs: rows of the sheet, by name.
        output: file that the sheet is copied to, such as docs/phantom_beside_real.png.
        seed: of the phantoms.
    """

    pairs: dict[str, Pair] = MISSING
    output: str | None = None
    seed: int = 0


@dataclasses.dataclass
class Task:
    """What `task=` chooses: what kind of thing is scored."""

    name: str = MISSING


@dataclasses.dataclass
class SegmentationTask(Task):
    """Labels of objects that fill space.

    Attributes:
        conventions: of `ops.metrics.segmentation.CONVENTIONS`, or isbi2012 (section by section).
        border_nm: voxels this close to a border of the truth, in the plane, are not scored.
        ious: overlaps at which objects count as found.
        worst: how many of the worst splits, and of the worst merges, are listed and shown.
    """

    conventions: list[str] = MISSING
    border_nm: float | None = None
    ious: list[float] = MISSING
    worst: int = MISSING


@dataclasses.dataclass
class MembraneTask(Task):
    """Probability of membrane, against a mask (not 0 = membrane).

    Attributes:
        threshold: from which on a probability is taken for membrane, chosen on validation data; by
            default 0.5, or what the training of a checkpoint chose.
        invert_truth: whether the truth is 0 where there is membrane, as in ISBI 2012's files.
        calibration_bins: of the reliability curve.
        sections: whether to score the regions that the membranes enclose, as ISBI 2012 did.
    """

    threshold: float | None = None
    invert_truth: bool = False
    calibration_bins: int = MISSING
    sections: bool = MISSING


@dataclasses.dataclass
class CleftTask(Task):
    """Clefts: a mask, ids or probabilities, against a mask or ids.

    Attributes:
        threshold: from which on a probability is taken for cleft, chosen on validation data; by
            default the prediction is a mask or ids, and all but 0 is cleft, or it is what the
            training of a checkpoint chose.
        least_voxels: of a cleft in a prediction of probabilities; smaller ones are left out. By
            default 0, or what the training of a checkpoint chose.
        distance_nm: from which on a voxel is false, in the rule of CREMI.
        min_overlap: voxels from which on an object counts as found, in the rule of VESICLE.
    """

    threshold: float | None = None
    least_voxels: int | None = None
    distance_nm: float = MISSING
    min_overlap: int = MISSING


@dataclasses.dataclass
class InstanceTask(Task):
    """Separate objects, such as vesicles or mitochondria: ids or probabilities, against ids.

    Attributes:
        threshold: from which on a probability is taken for an object, chosen on validation data; by
            default the prediction is ids, or it is what the training of a checkpoint chose.
        ious: overlaps at which objects count as found.
        distance_nm: between centres, up to which an object counts as detected.
    """

    threshold: float | None = None
    ious: list[float] = MISSING
    distance_nm: float = MISSING


@dataclasses.dataclass
class AffinityTask(Task):
    """Affinities, one channel each, against masks of the same channels (not 0 = one neurite).

    Attributes:
        channels: their names; by default their numbers, or the outputs of a checkpoint.
        thresholds: of each channel, from which on 1 - affinity is taken for a boundary; by default
            0.5, or what the training of a checkpoint chose.
        calibration_bins: of the reliability curve.
    """

    channels: list[str] | None = None
    thresholds: list[float] | None = None
    calibration_bins: int = MISSING


@dataclasses.dataclass
class SkeletonTask(Task):
    """Labels, against a folder of SWC skeletons in nm.

    Attributes:
        merge_threshold: nodes from which on a skeleton counts as touched by a segment.
    """

    merge_threshold: int = MISSING


@dataclasses.dataclass
class PartnerTask(Task):
    """Tables of synapses with the places of both partners.

    Attributes:
        segmentation: labels of the truth, by which the rule of CREMI tells neurites apart; by
            default the columns pre and post of the tables are compared.
        distance_nm: up to which two places can be the same.
    """

    segmentation: str | None = None
    distance_nm: float = MISSING


@dataclasses.dataclass
class ConnectomeTask(Task):
    """Tables of synapses, as graphs of neurons.

    Attributes:
        prediction_segmentation: labels that the ids of the prediction are from; with those of
            the truth they tell which neuron is which. By default equal ids are the same neuron.
        truth_segmentation: labels that the ids of the truth are from.
        min_synapses: from how many synapses on an edge is one; a score for each.
    """

    prediction_segmentation: str | None = None
    truth_segmentation: str | None = None
    min_synapses: list[int] = MISSING


@dataclasses.dataclass
class MergeErrorsTask(Task):
    """Merge errors that a MergeNet finds: `checkpoint=` and `data=`, or a prediction and its truth.

    Attributes:
        layer: of the data, an automatic segmentation whose real merge errors are to be found; by
            default merges are made of the truth by program.
        truth_layer: of the data.
        pairs: of merges made by program and single objects, at most.
        spacing_nm: of the places along an object that are looked at.
        least_nm3: volume that an object has of a second neurite to count as a real merge error.
    """

    layer: str | None = None
    truth_layer: str = MISSING
    pairs: int = MISSING
    spacing_nm: float = MISSING
    least_nm3: float = MISSING


@dataclasses.dataclass
class Resampling:
    """Of the confidence intervals.

    Attributes:
        blocks: into how many blocks a volume is cut along (z, y, x).
        draws: how often the blocks (or objects) are drawn with replacement.
    """

    blocks: list[int] = MISSING
    draws: int = MISSING


@dataclasses.dataclass
class EvaluationRun:
    """`python -m experiments.evaluate`: of a prediction and its truth, or of a checkpoint on data.

    Attributes:
        prediction: path of what is scored.
        truth: path of what it is scored against.
        checkpoint: weights to predict `data` with: a run directory of a training, a file, or the
            name of shipped ones. The task is then that of the output.
        data: what they are scored on, in place of a prediction and its truth.
        split: of the data.
        output: of the network; "affinity" for all affinities. Needed where it has several.
        augment: averages predictions over the symmetries of a section, which takes 8 times as long,
            or 16.
        baseline: path of another prediction, to be compared on the same blocks.
        mask: path of a volume that is 0 where nothing is to be scored.
        image: path of the image, to be shown beside errors.
        voxel_size_nm: (z, y, x); by default what the files say.
    """

    task: Task = MISSING
    prediction: str | None = None
    truth: str | None = None
    checkpoint: str | None = None
    data: Data | None = None
    split: str = "validation"
    output: str | None = None
    augment: bool = False
    baseline: str | None = None
    mask: str | None = None
    image: str | None = None
    voxel_size_nm: list[float] | None = None
    resampling: Resampling = MISSING
    seed: int = 0


class Suite(enum.Enum):
    """What `python -m experiments.benchmark` measures."""

    data = "data"
    metrics = "metrics"
    conv = "conv"
    models = "models"
    pipeline = "pipeline"
    accuracy = "accuracy"
    scaling = "scaling"
    synapses = "synapses"
    tracking = "tracking"
    all = "all"


class Layers(enum.Enum):
    """Which convolutions suite `conv` measures: the main ones, all, or random shapes."""

    main = "main"
    all = "all"
    sweep = "sweep"


@dataclasses.dataclass
class Accuracy:
    """Of suite `accuracy`.

    Attributes:
        channels: of the layers whose rounding errors are measured.
        features: of the layers of the network that is trained.
        crop_shape: of the images that it learns from, one a step.
        steps: that it is trained, in ten passes over a tenth as many crops.
        seeds: how many such networks are trained, at least two.
        learning_rate: of its optimizer.
    """

    channels: list[int] = MISSING
    features: int = MISSING
    crop_shape: list[int] = MISSING
    steps: int = MISSING
    seeds: int = MISSING
    learning_rate: float = MISSING


@dataclasses.dataclass
class Scaling:
    """Of suite `scaling`.

    Attributes:
        shapes: of phantoms that are reconstructed, from the smallest, in voxels.
        workers: processes that share the work; the smallest phantom is done with fewer too.
        weights: of the network.
    """

    shapes: list[list[int]] = MISSING
    workers: int = MISSING
    weights: str = MISSING


@dataclasses.dataclass
class SynapseWeights:
    """Shipped ones by name, run directories or files; where there is none, a row is missing."""

    membrane: str = MISSING
    cleft: str = MISSING
    vesicle: str = MISSING
    joint: str = MISSING


@dataclasses.dataclass
class SynapseSuite:
    """Of suite `synapses`.

    Attributes:
        phantom: three tissues of this size: one to learn from, one to choose constants on, one to
            be scored.
        vnc: real tissue.
        phantom_weights, vnc_weights: of the networks.
        crop_shape: of each part of a tissue, at most, in voxels; null takes all.
        speed_shape: of what speed is measured on, at most.
        trees: of the forest of VESICLE-RF.
        samples: that it learns from, of synapses at most, and as many others.
        draws: of the objects found, for intervals.
    """

    phantom: PhantomData = MISSING
    vnc: NamedData = MISSING
    phantom_weights: SynapseWeights = MISSING
    vnc_weights: SynapseWeights = MISSING
    crop_shape: list[int] | None = None
    speed_shape: list[int] = MISSING
    trees: int = MISSING
    samples: int = MISSING
    draws: int = MISSING


@dataclasses.dataclass
class TrackingSuite:
    """Of suite `tracking`. Where weights are null, its rows are missing.

    Attributes:
        counts: of digits in a stack, half of them in what is scored.
        digits: the stack they drift through.
        four, single: weights that have learnt digits, of four letters and of one.
        phantom, snemi3d: tissue.
        phantom_weights, snemi3d_weights: that have learnt it, of four letters.
        letters: weights for the phantom, of other numbers of letters, trained equally long.
        codes: drawn for each setting, whose VI is averaged.
    """

    counts: list[int] = MISSING
    digits: DigitsData = MISSING
    four: str | None = None
    single: str | None = None
    phantom: PhantomData = MISSING
    snemi3d: NamedData = MISSING
    phantom_weights: str = MISSING
    snemi3d_weights: str = MISSING
    letters: list[str] = MISSING
    codes: int = MISSING


@dataclasses.dataclass
class BenchmarkRun:
    """`python -m experiments.benchmark`.

    Attributes:
        phantom: generated for the measurements, at this size.
        labels_shape: of the label volumes that are scored.
        root: where AC4 (snemi3d) lies, which is read beside it if it is there.
        crop_shape: of the crops drawn, in voxels.
        batch_size: crops in a batch.
        step_ms: how long a step of the imagined trainer takes.
        layers: of suite `conv`: `main` (a few minutes), `all`, or `sweep`, which are random shapes.
        rounds: how often each contender runs; they take turns, and the median counts.
        accuracy, synapses, scaling, tracking: of the suites of these names.
    """

    suite: Suite = Suite.data
    phantom: PhantomData = MISSING
    labels_shape: list[int] = MISSING
    root: str | None = DATA_ROOT
    crop_shape: list[int] = MISSING
    batch_size: int = MISSING
    step_ms: float = MISSING
    layers: Layers = Layers.main
    rounds: int = MISSING
    accuracy: Accuracy = MISSING
    scaling: Scaling = MISSING
    synapses: SynapseSuite = MISSING
    tracking: TrackingSuite = MISSING
    seed: int = 0


@dataclasses.dataclass
class FiguresRun:
    """`python -m experiments.figures`.

    Attributes:
        figure: its name, or all.
        results: folder of stored results; by default those of the project.
        pictures: folder to which the PNGs are copied, such as docs.
        seed: as everywhere; no figure depends on it.
    """

    figure: str = MISSING
    results: str | None = None
    pictures: str | None = None
    seed: int = 0


class Size(enum.Enum):
    """How large `python -m experiments.reproduce` runs an experiment."""

    laptop = "laptop"
    paper = "paper"


@dataclasses.dataclass
class ReproduceRun:
    """`python -m experiments.reproduce`.

    Attributes:
        experiment: name of the stored result, as `experiments.reproduction.table` lists them.
        size: `laptop` is small enough for minutes; `paper` is what the stored results are of.
        results: folder that the result is written to as well, such as experiments/results.
        seed: of every step.
    """

    experiment: str | None = None
    size: Size = Size.laptop
    results: str | None = None
    seed: int = 0


@dataclasses.dataclass
class ViewRun:
    """`python -m experiments.view`.

    Attributes:
        run: a run directory of `experiments.reconstruct`.
        port: of 127.0.0.1 that is served at; 0 is any free one.
        seed: as everywhere; nothing depends on it.
    """

    run: str | None = None
    port: int = MISSING
    seed: int = 0


ENTRY_POINTS = {
    "figures": FiguresRun,
    "reproduce": ReproduceRun,
    "phantom": PhantomRun,
    "contact_sheet": ContactSheetRun,
    "benchmark": BenchmarkRun,
    "evaluate": EvaluationRun,
    "train": TrainRun,
    "reconstruct": ReconstructRun,
    "view": ViewRun,
}
TASKS = {
    "segmentation": SegmentationTask,
    "membrane": MembraneTask,
    "cleft": CleftTask,
    "instance": InstanceTask,
    "affinity": AffinityTask,
    "skeleton": SkeletonTask,
    "partner": PartnerTask,
    "connectome": ConnectomeTask,
    "merge_errors": MergeErrorsTask,
}
DATA = {
    "phantom": PhantomData,
    "named": NamedData,
    "moving_digits": DigitsData,
    "files": FilesData,
}
ENGINES = {"serial": SerialEngine, "processes": ProcessesEngine, "dask": DaskEngine}


def register() -> None:
    """Makes the schemas known to Hydra; the YAML files name them in their defaults."""
    store = ConfigStore.instance()
    for name, schema in ENTRY_POINTS.items():
        store.store(group="schema", name=name, node=schema)
    store.store(group="schema", name="model", node=ModelConfig)
    store.store(group="schema", name="edge_classifier", node=EdgeClassifier)
    store.store(group="schema", name="cross_classifier", node=CrossClassifierConfig)
    store.store(group="schema", name="mergenet", node=MergeNetConfig)
    store.store(group="schema", name="tracker", node=Tracker)
    for group, schemas in {"data": DATA, "task": TASKS, "engine": ENGINES}.items():
        for name, schema in schemas.items():
            store.store(group=f"schema/{group}", name=name, node=schema)
