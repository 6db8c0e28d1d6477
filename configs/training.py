"""The typed schema of `python -m experiments.train`: networks, their targets and their training."""

import dataclasses

from omegaconf import MISSING

from configs.sources import Data, Tracker


@dataclasses.dataclass
class TrainingTargets:
    """How labels are drawn.

    Attributes:
        membrane_nm: thickness of a membrane between two ids.
        cleft_dilation_nm: by which clefts are widened.
        vesicle_gap_nm: between vesicles that touch.
    """

    membrane_nm: float = MISSING
    cleft_dilation_nm: float = MISSING
    vesicle_gap_nm: float = MISSING


@dataclasses.dataclass
class Model:
    """What `model=` chooses: what is trained."""

    name: str = MISSING


@dataclasses.dataclass
class EdgeClassifier(Model):
    """Tells which boundaries between supervoxels are true ones: `models.edge_classifier`.

    Attributes:
        reconstruction: a finished run directory of `experiments.reconstruct` on the data, by the
            weights, to learn from; by default the training makes its supervoxels itself.
    """

    reconstruction: str | None = None


@dataclasses.dataclass
class CrossClassifierConfig(Model):
    """Follows painted objects from section to section: `models.cross_classifier`.

    Attributes:
        letters: colours that objects are painted in; with one, a single object is painted.
        width: channels of the first level.
        levels: resolutions.
        reduction: edge of the square of image pixels that has one colour.
        membranes: weights of a network whose boundaries it sees beside the image: a run directory,
            a file, or the name of shipped ones; by default it sees the image alone.
        crop_shape: (z, y, x) of training crops, of at least two sections.
    """

    letters: int = MISSING
    width: int = MISSING
    levels: int = MISSING
    reduction: int = MISSING
    membranes: str | None = None
    crop_shape: list[int] = MISSING


@dataclasses.dataclass
class MergeNetConfig(Model):
    """Finds merge errors by the shape of objects: `models.mergenet`.

    Attributes:
        layer: of the data, which has the objects; an automatic segmentation will do, as most of
            its objects are right.
        window: (z, y, x) in coarse voxels; digits are drawn out along z unless it is 1 there.
        voxel_nm: edge of a coarse voxel.
        width: channels of the first level.
        levels: resolutions.
        least_voxels: in the window, of each of two objects that are merged.
        pairs: of merges and matching single objects to learn from, of each volume, at most.
        validation_pairs: likewise, to validate.
    """

    layer: str = MISSING
    window: list[int] = MISSING
    voxel_nm: float = MISSING
    width: int = MISSING
    levels: int = MISSING
    least_voxels: int = MISSING
    pairs: int = MISSING
    validation_pairs: int = MISSING


@dataclasses.dataclass
class ModelConfig(Model):
    """A network (`models.architecture`), its outputs and its crops.

    Attributes:
        network: shallow, folded, unet2d or unet3d.
        outputs: membrane, cleft, vesicle, or affinities as "affinity(z,y,x)" in voxels.
        width: channels of the first level.
        levels: resolutions.
        sections: neighbouring sections that a 2-D network sees at once, odd.
        anisotropic_levels: of a 3-D network, at which pooling is in-plane only.
        crop_shape: (z, y, x) of training crops.
        balance: of the loss, from 0, where all voxels weigh the same, to 1, where positives and
            negatives do as a whole.
        focus: layer near whose voxels half of the crops lie, where labels are rare.
    """

    network: str = MISSING
    outputs: list[str] = MISSING
    width: int = MISSING
    levels: int = MISSING
    sections: int = 1
    anisotropic_levels: int = 0
    crop_shape: list[int] = MISSING
    balance: float = MISSING
    focus: str | None = None
    targets: TrainingTargets = MISSING


@dataclasses.dataclass
class AugmentationConfig:
    """`data.augment.Augmentation`, the part that is worth changing."""

    symmetry: str = "anisotropic"
    elastic_probability: float = 0.5
    elastic_amplitude: float = 4.0
    gamma_probability: float = 0.5
    contrast_probability: float = 0.5
    brightness_probability: float = 0.5
    blur_probability: float = 0.05
    noise_probability: float = 0.5
    noise: float = 0.05
    shift_probability: float = 0.02
    slip_probability: float = 0.02
    missing_probability: float = 0.02
    dark_probability: float = 0.02
    cutout_probability: float = 0.25


@dataclasses.dataclass
class Optimizer:
    """Muon for kernels and AdamW for all else, with a warm-up and a cosine to zero.

    Attributes:
        learning_rate: of AdamW, the greatest.
        kernel_rate: of Muon, the greatest; null trains kernels by AdamW too.
        warmup_steps: from zero to it.
        weight_decay: of kernels.
        clip_norm: of the whole gradient.
        average: decay of the moving average of the weights, by which a network is validated.
        overlap: weight of the overlap (Dice) loss beside the cross-entropy; a cross-classifier has
            the latter alone.
    """

    learning_rate: float = MISSING
    kernel_rate: float | None = MISSING
    warmup_steps: int = MISSING
    weight_decay: float = MISSING
    clip_norm: float = MISSING
    average: float = MISSING
    overlap: float = MISSING


@dataclasses.dataclass
class Cluster:
    """Several processes that train one network together (`jax.distributed`).

    Attributes:
        coordinator: host:port of the first process; by default there is one process.
        processes: how many there are.
        process: number of this one.
    """

    coordinator: str | None = None
    processes: int = 1
    process: int = 0


@dataclasses.dataclass
class TrainRun:
    """`python -m experiments.train`.

    Attributes:
        data: to learn from.
        validation_split: of the same data, on which thresholds and the best step are chosen.
        steps: of the optimizer, of a network.
        batch_size: crops of a step.
        validate_every: steps between validations.
        save_every: steps between checkpoints.
        resume: run directory of a training to go on with, bit for bit.
        weights: to start from: a file, or the name of shipped ones. An edge classifier learns from
            the answers of their network.
    """

    data: Data = MISSING
    validation_split: str = "validation"
    model: Model = MISSING
    optimizer: Optimizer = MISSING
    augmentation: AugmentationConfig = dataclasses.field(default_factory=AugmentationConfig)
    tracker: Tracker = MISSING
    cluster: Cluster = dataclasses.field(default_factory=Cluster)
    steps: int = MISSING
    batch_size: int = MISSING
    validate_every: int = MISSING
    save_every: int = MISSING
    resume: str | None = None
    weights: str | None = None
    experiment: str | None = None
    seed: int = 0
