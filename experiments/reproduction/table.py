"""Every experiment behind a figure: the commands of its steps, at both sizes.

Names are those of the files in experiments/results. Figures and times are in docs/figures.md.
"""

from collections.abc import Mapping, Sequence

from configs.schema import Size
from experiments.reproduction.gathering import (
    membranes,
    merge_baselines,
    merge_matrix,
    rows_of,
    segmentation,
    throughput,
)
from experiments.reproduction.steps import Gather, Step

SMALL = "data=phantom split=test data.shape=[16,256,256]"
NO_MENDING = "merge_errors.mend=false"
LETTERS = (2, 3, 4, 8)
TISSUES = {  # of MergeNets
    "phantom": "phantom",
    "AC4": "snemi3d",
    "FIB-25": "fib25",
    "pinky40, automatic": "pinky40",
}
LEARNT = {name: f"data={data}" for name, data in TISSUES.items()} | {
    "phantom": "data=phantom data.shape=[96,1024,1024]",
    "pinky40, automatic": "data=pinky40 model.pairs=20000",
    "FIB-25, automatic": "data=fib25 model.layer=supervoxels",
}


def _benchmark(suite: str, gather: Gather, overrides: str = "") -> tuple[Step]:
    return (Step(suite, "benchmark", f"suite={suite} {overrides}", gather),)


def _membranes(data: str, overrides: str, weights: str, needs: str = "") -> Step:
    labels = {"data": data, "weights": weights}
    words = f"{overrides} checkpoint={weights}"
    return Step(data, "evaluate", words, membranes, labels, needs)


def _segmented(data: str, overrides: str, weights: str, methods: Mapping[str, str]) -> list[Step]:
    """A reconstruction for each method."""
    return [
        Step(
            f"{data}_{method}",
            "reconstruct",
            f"{overrides} weights={weights} {words}",
            segmentation,
            {"data": data, "method": method, "weights": weights},
            "" if data == "phantom" else data,
        )
        for method, words in methods.items()
    ]


METHODS = {"watershed": NO_MENDING, "mended": "", "3c": f"segmenter=3c {NO_MENDING}"}
FAST = {"fast": ""}
EDGES = {"edges": f"agglomeration.classifier=ssem_mouse/edges {NO_MENDING}"}
AC4 = "data=snemi3d split=validation"
FIB = "data=fib25 split=validation"
PHANTOM = "data=phantom split=test"


def _tracking(steps: int, letter_steps: int, overrides: str) -> tuple[Step, ...]:
    digits = f"experiment=moving_digits_cross_classifier steps={steps} tracker=disabled"
    tissue = f"experiment=phantom_cross_classifier steps={letter_steps} tracker=disabled"
    letters = ",".join(f"{{run}}/letters_{n}" for n in LETTERS)
    weights = "tracking.four={run}/four tracking.single={run}/single"
    return (
        Step("four", "train", digits, data="mnist"),
        Step("single", "train", f"{digits} model.letters=1", data="mnist"),
        *(
            Step(f"letters_{n}", "train", f"{tissue} model.letters={n}", data="mnist")
            for n in LETTERS
        ),
        Step(
            "tracking",
            "benchmark",
            f"suite=tracking {weights} tracking.letters=[{letters}] {overrides}",
            rows_of("tracking.json"),
            data="mnist",
        ),
    )


def _trained(name: str, overrides: str) -> Step:
    words = f"model=mergenet {LEARNT[name]} batch_size=32 tracker=disabled {overrides}"
    return Step(_learnt(name), "train", words, data=_needed(name))


def _looked_for(trained: str, tested: str, overrides: str = "") -> Step:
    data = TISSUES[tested]
    return Step(
        f"{_learnt(trained)}_on_{data}",
        "evaluate",
        f"task=merge_errors checkpoint={{run}}/{_learnt(trained)} data={data} {overrides}",
        merge_matrix,
        {"trained": trained, "tested": tested},
        _needed(trained) or _needed(tested),
    )


def _learnt(name: str) -> str:
    """The folder of a training."""
    return "learn_" + name.replace(", ", "_").lower()


def _needed(name: str) -> str:
    """The dataset that something is learnt from, or scored on."""
    data = LEARNT[name].split()[0].removeprefix("data=")
    return "" if data == "phantom" else data


def _beside(tested: str, weights: str, overrides: str, needs: str = "") -> Step:
    name = f"baselines_{tested}".replace(", ", "_").replace(" ", "_")
    words = f"task=merge_errors checkpoint={weights} {overrides}"
    return Step(name, "evaluate", words, merge_baselines, {"tested": tested}, needs)


EXPERIMENTS: dict[str, dict[Size, Sequence[Step]]] = {
    "conv_speed": {
        Size.laptop: _benchmark("conv", rows_of("layers.json"), "rounds=1"),
        Size.paper: _benchmark("conv", rows_of("layers.json"), "rounds=5"),
    },
    "conv_accuracy": {
        Size.laptop: _benchmark(
            "accuracy", rows_of("accuracy.json"), "accuracy.steps=50 accuracy.seeds=2"
        ),
        Size.paper: _benchmark("accuracy", rows_of("accuracy.json")),
    },
    "membranes": {
        Size.laptop: (_membranes("phantom", SMALL, "phantom/membrane"),),
        Size.paper: (
            _membranes("snemi3d", AC4, "ssem_mouse/membrane", "snemi3d"),
            _membranes(
                "isbi2012", "data=isbi2012 split=validation", "sstem_fly_l1/membrane", "isbi2012"
            ),
        ),
    },
    "pipeline": {
        Size.laptop: _benchmark("pipeline", throughput, "rounds=1 phantom.shape=[16,512,512]"),
        Size.paper: _benchmark("pipeline", throughput, "rounds=1 phantom.shape=[32,1024,1024]"),
    },
    "reconstruct_scaling": {
        Size.laptop: _benchmark(
            "scaling", rows_of("scaling.json"), "scaling.shapes=[[16,256,256],[16,512,512]]"
        ),
        Size.paper: _benchmark(
            "scaling",
            rows_of("scaling.json"),
            "scaling.shapes=[[96,1024,1024],[96,2048,2048],[384,2048,2048]]",
        ),
    },
    "segmentation": {
        Size.laptop: (
            *_segmented("phantom", SMALL, "phantom", METHODS),
            *_segmented("phantom", SMALL, "phantom_fast", FAST),
        ),
        Size.paper: (
            *_segmented("snemi3d", AC4, "ssem_mouse", METHODS | EDGES),
            *_segmented("snemi3d", AC4, "ssem_mouse_fast", FAST),
            *_segmented("phantom", PHANTOM, "phantom", METHODS),
            *_segmented("phantom", PHANTOM, "phantom_fast", FAST),
            *_segmented("fib25", FIB, "fibsem_fly", METHODS),
        ),
    },
    "synapses": {
        Size.laptop: _benchmark(
            "synapses",
            rows_of("synapses.json"),
            "rounds=1 synapses.crop_shape=[16,320,320] synapses.trees=50",
        ),
        Size.paper: _benchmark("synapses", rows_of("synapses.json"), "rounds=1"),
    },
    "tracking": {
        Size.laptop: _tracking(100, 50, "tracking.counts=[10,40,100] tracking.codes=1"),
        Size.paper: _tracking(1000, 500, ""),
    },
    "merge_errors": {
        Size.laptop: (
            _trained("phantom", "model.pairs=600 steps=200"),
            _looked_for("phantom", "phantom", "task.pairs=100"),
            _beside("phantom", "phantom/mergenet", "data=phantom task.pairs=100"),
        ),
        Size.paper: (
            *(_trained(name, "steps=2500 validate_every=2500") for name in LEARNT),
            *(_looked_for(trained, tested) for trained in LEARNT for tested in TISSUES),
            _beside("AC4", "ssem_mouse/mergenet", "data=snemi3d", "snemi3d"),
            _beside("FIB-25", "fibsem_fly/mergenet", "data=fib25", "fib25"),
            _beside("phantom", "phantom/mergenet", "data=phantom"),
            *(
                _beside(
                    f"FIB-25, {words}",
                    "fibsem_fly/mergenet",
                    f"data=fib25 task.layer={layer}",
                    "fib25",
                )
                for words, layer in (
                    ("flood-filling", "ffn_segmentation"),
                    ("supervoxels", "supervoxels"),
                )
            ),
        ),
    },
}
