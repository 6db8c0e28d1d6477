"""The typed schema of `python -m experiments.reconstruct`: what does the work."""

import dataclasses

from omegaconf import MISSING

from configs.sources import Data


@dataclasses.dataclass
class EngineSettings:
    """What `engine=` chooses: what does the blocks of a volume. The result is the same."""

    name: str = MISSING


@dataclasses.dataclass
class SerialEngine(EngineSettings):
    """One block after the other, with all processors, in the process itself."""


@dataclasses.dataclass
class ProcessesEngine(EngineSettings):
    """Several blocks at once on this machine.

    Attributes:
        workers: how many processes; by default as many as there are processors for.
        threads: on which each of them computes.
    """

    workers: int | None = None
    threads: int = MISSING


@dataclasses.dataclass
class Slurm:
    """Jobs that Dask submits to SLURM; each is one worker, on `DaskEngine.threads` processors.

    Attributes:
        queue: partition; by default that of the cluster.
        account: that the jobs are charged to.
        memory: of a job, as in 16GB.
        walltime: of a job, as in 24:00:00.
        interface: of the network between the nodes, such as ib0.
        directives: further lines of `#SBATCH`, such as --constraint=avx512.
        prologue: lines of shell before the worker starts, such as module load.
    """

    queue: str | None = None
    account: str | None = None
    memory: str = MISSING
    walltime: str = MISSING
    interface: str | None = None
    directives: list[str] = dataclasses.field(default_factory=list)
    prologue: list[str] = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class DaskEngine(EngineSettings):
    """Several blocks at once on one machine or many that share a file system.

    Attributes:
        workers: how many processes or SLURM jobs; by default as many as this machine has
            processors for. Those of an existing scheduler are all used.
        threads: on which each of them computes.
        address: host:port of an existing scheduler; by default one is started.
        slurm: to have the workers on a SLURM cluster; by default they are on this machine.
    """

    workers: int | None = None
    threads: int = MISSING
    address: str | None = None
    slurm: Slurm | None = None


@dataclasses.dataclass
class Supervoxels:
    """How the boundary map is cut up: `ops.segmentation.supervoxels.SupervoxelSettings`.

    Attributes:
        threshold: probability of boundary from which a voxel is no inside of a cell.
        in_plane: each section by itself; by default where sections are much thicker than a pixel.
    """

    threshold: float = MISSING
    smoothing_nm: float = MISSING
    deepest_nm: float = MISSING
    least_diameter_nm: float = MISSING
    in_plane: bool | None = None


@dataclasses.dataclass
class Agglomeration:
    """How supervoxels become segments: `ops.segmentation.agglomeration.agglomerate`.

    What is null is as the card of the weights says, or that of the classifier or of the
    cross-classifier (`python -m experiments.calibrate`).

    Attributes:
        threshold: boundary strength, or probability of the classifier, in [0, 1], below which two
            regions are one.
        linkage: mean or quantile, of the strengths along a boundary.
        quantile: which one.
        classifier: of boundaries, in place of a linkage: a run directory of `experiments.train
            model=agglomeration`, its file, or the name of a shipped one.
    """

    threshold: float | None = None
    linkage: str | None = None
    quantile: float | None = None
    classifier: str | None = None


@dataclasses.dataclass
class MergeErrors:
    """How merge errors are found from shape and mended: the stage `merge_errors`.

    Attributes:
        weights: of a MergeNet: a run directory, a file or a shipped name; by default that of the
            set that `weights` names, and nothing is looked for where it has none; `none` leaves
            them alone.
        mend: whether objects are divided, or errors are listed alone.
        probability: of a merge error from which an object is looked at again.
        boundary_weight: of the log-odds of the boundary beside those of the shape.
        least_gain: log-odds by which both together have to improve for an object to be divided, at
            least 0.
    """

    weights: str | None = None
    mend: bool = True
    probability: float = MISSING
    boundary_weight: float = MISSING
    least_gain: float = MISSING


@dataclasses.dataclass
class Skeletons:
    """Which segments get skeletons, and how fine: `ops.skeletons.teasar.skeletonise`.

    Attributes:
        coarse_nm: voxels are joined to about this size first.
        scale, constant_nm: how far a branch covers the object around it.
        least_length_nm: shorter ones are left out.
    """

    coarse_nm: float = MISSING
    scale: float = MISSING
    constant_nm: float = MISSING
    least_length_nm: float = MISSING


@dataclasses.dataclass
class SynapseRules:
    """What makes a synapse: `ops.synapses.rules.Rules`, which tells what each number means.

    What is null is as the card of the weights of clefts says (`python -m experiments.calibrate`),
    else as `Rules` has it.
    """

    cleft_probability: float | None = None
    least_section_nm2: float | None = None
    most_section_nm2: float | None = None
    least_nm3: float | None = None
    least_sections: int | None = None
    longest_nm: float | None = None
    membrane_probability: float | None = None
    membrane_distance_nm: float | None = None
    shell_nm: float | None = None
    least_partner_share: float | None = None
    partners: str | None = None
    vesicle_probability: float | None = None
    vesicle_reach_nm: float | None = None
    least_vesicles_nm3: float | None = None
    least_asymmetry: float | None = None
    steepness: float | None = None


@dataclasses.dataclass
class Synapses:
    """What is told of synapses, and by which networks.

    Attributes:
        evidence: of cleft, membrane and vesicle; rules of what is not named are left out, and
            without cleft no synapses are looked for.
        cleft: weights of clefts; by default those of the set that `weights` names, and where it
            has none no synapses are looked for.
        vesicle: weights of vesicles, likewise; without any no direction is known.
        true_neurites: whether partners are looked up in the truth in place of the segmentation,
            to score the rules alone.
        rules: their constants.
    """

    evidence: list[str] = dataclasses.field(
        default_factory=lambda: ["cleft", "membrane", "vesicle"]
    )
    cleft: str | None = None
    vesicle: str | None = None
    true_neurites: bool = False
    rules: SynapseRules = dataclasses.field(default_factory=SynapseRules)


@dataclasses.dataclass
class ReconstructRun:
    """`python -m experiments.reconstruct`.

    Attributes:
        data: the image stack; neurites, where it has some, are what the result is scored against.
        weights: shipped ones by name (NAME, or NAME/OUTPUT), a run directory or a file: a network
            of affinities or of membranes.
        segmenter: watershed, which tells by the boundary between two supervoxels whether they are
            one, or 3c, which follows regions from section to section and asks where they go on.
        cross_classifier: weights of the network that follows; by default those of the set that
            `weights` names.
        resample: to the voxel size that the weights were trained at, the outputs too.
        block_shape: voxels (z, y, x) that are done at once; by default by the voxel size.
        context: voxels (z, y, x) around a block that the network sees, at most.
        split: of the data, in place of `data.split`.
        dry_run: shows the plan and what it needs, and does nothing.
    """

    data: Data = MISSING
    split: str | None = None
    weights: str = MISSING
    segmenter: str = MISSING
    cross_classifier: str | None = None
    resample: bool = False
    block_shape: list[int] | None = None
    context: list[int] = MISSING
    supervoxels: Supervoxels = MISSING
    agglomeration: Agglomeration = dataclasses.field(default_factory=Agglomeration)
    merge_errors: MergeErrors = MISSING
    skeletons: Skeletons = MISSING
    synapses: Synapses = dataclasses.field(default_factory=Synapses)
    engine: EngineSettings = MISSING
    dry_run: bool = False
    seed: int = 0
