"""Every command of the documents: all of them are checked, and one of each kind is run.

Commands are the lines `python -m ...` and `make ...` of README.md, CONTRIBUTING.md and docs/*.md,
in blocks and between backticks. Of every one it is checked that its module or target exists and
that its arguments are understood: a Hydra application composes its config to the typed schema,
sweeps job by job; other commands read their options; `make` says what it would run, which is
checked likewise. Settings between backticks (`engine=dask`) must be those of some application, or
of a conversion.

One command of each kind (module, and what it chooses first) is then run as it is written, in this
process, on data made for it, with settings that make it small and with words replaced that name
what is not there (RUN). Which kinds are not run, but only composed, NOT_RUN says, and why. Words of
placeholders, such as RUN_DIR or `...`, stand for what EXAMPLES says.
"""

import dataclasses
import functools
import importlib
import importlib.util
import itertools
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from hydra import compose, initialize_config_module
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep, Override
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from configs import schema
from configs.sources import PhantomData
from data import catalog, convert
from data.opening import create_volume, open_volume
from data.synthetic import Phantom, PhantomParameters, Tissue, write_phantom
from data.synthetic import __main__ as synthetic
from experiments import reproduce as reproduce  # its experiments are options of a group
from experiments import search, sweep_table
from experiments.source import phantom_parameters
from models.pretrained_weights import find_weights

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")))
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
SPAN = re.compile(r"`([^`\n]+)`")
COMMAND = re.compile(r"(python -m|make) [a-z]")
SETTING = re.compile(r"[a-z_][\w./@]*=\S*")
SHELLS = ("", "sh", "bash", "console")
EXAMPLES = {
    "experiment=NAME": "experiment=phantom_membrane",
    "task=TASK": "",  # left out, as words in brackets are
    "data=DATA": "data=phantom",
    "data=NAME": "data=phantom",
    "data=...": "data=phantom",
    "split=...": "split=validation",
    "weights=...": "weights=phantom",
    "name=NAME": "name=snemi3d",
    "figure=NAME": "figure=all",
    "...": "",
}
# Settings in the text that are none of an application: arguments of Python functions, and of
# other programs.
NO_SETTINGS = {
    *('precision="high"', "pool=2", "tile=", "partners=several"),
    *("n_jobs=2", "intra_op_parallelism_threads=1"),
}
COPIES = {
    "seg.zarr": "neurites.zarr",
    "gt.zarr": "neurites.zarr",
    "true_vesicles.zarr": "vesicles.zarr",
    "found.csv": "synapses.csv",
}
CONVERTED = {"STACK.tif": "image.zarr", "stack/0.tif": "image.zarr", "m.tif": "membrane.zarr"}
PROBABILITIES = {"p.tif": "membrane.zarr", "probability.zarr": "cleft_ids.zarr"}
CHOICES = ("-m", "synapses", "resume", "experiment", "task", "checkpoint", "model", "segmenter")
NAMES = ("resume", "experiment", "checkpoint")  # of which the value is no other kind of command
GROUPS = {"data", "engine", "model", "task"}


@dataclasses.dataclass(frozen=True)
class Command:
    """Words of a command line: `python -m MODULE ARGUMENTS`, or `make` with a target."""

    module: str
    arguments: tuple[str, ...]

    def __str__(self) -> str:
        return " ".join((self.module, *self.arguments))


def lines_of(text: str) -> Iterator[str]:
    """Lines of shell in a page, continued ones in one piece, and what stands between backticks."""
    for language, block in BLOCK.findall(text):
        if language in SHELLS:
            yield from block.replace("\\\n", " ").splitlines()
    yield from spans_of(text)


def spans_of(text: str) -> list[str]:
    return SPAN.findall(BLOCK.sub("", text))


def command_of(line: str) -> Command:
    """The command on a line, with examples in place of placeholders."""
    program, *words = shlex.split(re.sub(r"\$\w+", "PLACE", line), comments=True)
    words = [exemplified(word) for word in words if not word.startswith("[key")]
    words = [word.strip("[]") if re.fullmatch(r"\[[A-Z_]+\]", word) else word for word in words]
    words = [word for word in words if word and word != "...]"]
    return (
        Command(words[1], tuple(words[2:]))
        if program == "python"
        else Command("make", tuple(words))
    )


def exemplified(word: str) -> str:
    return EXAMPLES.get(word, word).replace("[z,y,x]", "[30,6,6]")


def commands_of(page: Path) -> list[Command]:
    lines = lines_of(page.read_text(encoding="utf-8"))
    return [command_of(line) for line in lines if COMMAND.match(line)]


COMMANDS = sorted({command for page in PAGES for command in commands_of(page)}, key=str)


@pytest.fixture(autouse=True)
def like_a_user(monkeypatch):
    monkeypatch.delenv("NEUROPIL_DATA", raising=False)
    schema.register()


@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_a_command_of_the_documents_is_understood(command):
    understood(command)


def understood(command: Command) -> None:
    """Raises what the command itself would raise of its arguments."""
    name = command.module.removeprefix("experiments.")
    if command.module == "make":
        for made in made_by(command.arguments):
            understood(made)
    elif name in schema.ENTRY_POINTS:
        for job in jobs_of(command.arguments):
            composed(name, *job)
    else:
        assert importlib.util.find_spec(command.module), command
        READERS[command.module](command.arguments)


def made_by(arguments: Sequence[str]) -> list[Command]:
    """What make would run of ours; its variables must be in the Makefile."""
    variables = [word.split("=")[0] for word in arguments if "=" in word]
    rules = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert all(f"$({name})" in rules for name in variables), arguments
    dry = subprocess.run(["make", "-n", *arguments], cwd=ROOT, capture_output=True, text=True)
    assert dry.returncode == 0, dry.stderr
    ours = re.findall(r"-m ((?:experiments|data)\.[^&|;\n]+)", dry.stdout)
    return [command_of(f"python -m {line}") for line in ours]


def jobs_of(arguments: Sequence[str]) -> list[tuple[str, ...]]:
    """The overrides of each job of a sweep; without -m there is one."""
    if "-m" not in arguments:
        return [tuple(arguments)]
    given = OverridesParser.create().parse_overrides([word for word in arguments if word != "-m"])
    return list(itertools.product(*map(choices_of, given)))


def choices_of(override: Override) -> list[str]:
    if not override.is_sweep_override():
        return [override.input_line or ""]
    value = override.value()
    interval = isinstance(value, IntervalSweep)
    values = (value.start, value.end) if interval else override.sweep_string_iterator()
    return [f"{override.get_key_element()}={value}" for value in values]


@functools.cache
def composed(entry_point: str, *overrides: str) -> None:
    """Raises on what an application would not start with."""
    with initialize_config_module("configs", version_base="1.3"):
        config = compose(entry_point, overrides=list(overrides), return_hydra_config=True)
        OmegaConf.set_struct(config, False)
        config.pop("hydra")
        data = getattr(OmegaConf.to_object(config), "data", None)
    if isinstance(data, PhantomData):
        phantom_parameters(data, seed=0)  # refuses what makes no phantom


def words_of_calibration(arguments: Sequence[str]) -> None:
    words = arguments[1:] if arguments[0] == "synapses" else arguments
    assert len(words) in (1, 2) and not any("=" in word for word in words)


def words_of_shipping(arguments: Sequence[str]) -> None:
    assert len(arguments) == 2


def search_of(arguments: Sequence[str]) -> None:
    _, _, overrides = search.read_options(arguments)
    for job in itertools.product(*map(choices_of, overrides)):
        composed("train", *job)


READERS: dict[str, Callable[[Sequence[str]], Any]] = {
    "data.catalog": catalog.read_options,
    "data.convert": convert.parse,
    "data.synthetic": synthetic.read_options,
    "experiments.calibrate": words_of_calibration,
    "experiments.search": search_of,
    "experiments.ship_weights": words_of_shipping,
    "experiments.sweep_table": sweep_table.read_options,
}


SETTINGS = sorted(
    {
        tuple(map(exemplified, span.split()))
        for page in PAGES
        for span in spans_of(page.read_text(encoding="utf-8"))
        if all(map(SETTING.fullmatch, span.split())) and span not in NO_SETTINGS
    }
)


@pytest.mark.parametrize("words", SETTINGS, ids=" ".join)
def test_settings_in_the_text_are_those_of_an_application(words):
    begun = any(starts(name, *more, *words) for name, more in applications_for(words))
    if not begun:
        convert.parse(("SRC", "DST", *words))  # raises on what is none of its options either


def applications_for(words: Sequence[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Applications with these keys, and what else may be chosen so that a group has them."""
    prefixes = {re.split(r"[./=@]", word)[0] for word in words}
    files = [
        file for group in prefixes & GROUPS for file in (ROOT / f"configs/{group}").glob("*.yaml")
    ]
    options = [f"{file.parent.name}={file.stem}" for file in sorted(files)]
    if "hydra" in prefixes:
        options += ["hydra/launcher=joblib", "hydra/launcher=submitit_slurm"]
    for name in schema.ENTRY_POINTS:
        if prefixes <= keys_of(name) | {"hydra", "experiment"}:
            yield from ((name, more) for more in [(), *((option,) for option in options)])


@functools.cache
def keys_of(entry_point: str) -> set[str]:
    with initialize_config_module("configs", version_base="1.3"):
        return set(map(str, compose(entry_point)))


def starts(entry_point: str, *overrides: str) -> bool:
    """Whether an application takes these settings; of `key=`, without a value, the key counts."""
    try:
        composed(entry_point, *(word for word in overrides if not word.endswith("=")))
    except (HydraException, OmegaConfBaseException, AssertionError):  # the last: below a null
        return False
    return True


@dataclasses.dataclass(frozen=True)
class Run:
    """How a command is made small.

    Attributes:
        command: as the documents have it, examples in place of placeholders.
        more: settings that make it small, and name its folder.
        words: in place of those of the command.
        after: the folder that a run before it leaves.
        leaves: a file.
    """

    command: str
    leaves: str
    more: str = ""
    words: Mapping[str, str] = dataclasses.field(default_factory=dict)
    after: str | None = None

    @property
    def folder(self) -> str:
        return self.leaves.split("/")[0]


SMALL = "data.shape=[8,128,128] data.tissue.synapses_per_um3=20"
TRAINING = (
    "data.shape=[6,160,160] tracker=disabled model.width=4 model.levels=2 steps=2 batch_size=2 "
    "model.crop_shape=[1,32,32] validate_every=2 save_every=2 hydra.run.dir=LEARNT"
)
NOT_RUN = {
    "make": "what it runs is a command like the others",
    "experiments.benchmark": "suites are run small by tests/experiments/test_benchmark_*.py",
    "experiments.contact_sheet": "run small by tests/experiments/test_entry_points.py",
    "experiments.evaluate task=merge_errors": "by tests/experiments/test_merge_training.py",
    "experiments.figures": "it takes a minute, and make figures does just that",
    "experiments.phantom -m": "by tests/experiments/test_sweeps.py: all sweep alike",
    "experiments.reproduce": "it runs a command of another kind",
    "experiments.search": "by tests/experiments/test_sweeps.py",
    "experiments.train -m": "by tests/experiments/test_sweeps.py",
    "experiments.train experiment": "settings of other kinds, that take minutes to hours",
    "experiments.train model=agglomeration": "by tests/experiments/test_edge_training.py",
    "experiments.train model=cross_classifier": "by tests/experiments/test_cross_training.py",
    "experiments.train model=mergenet": "by tests/experiments/test_merge_training.py",
    "experiments.view": "it serves until it is stopped",
}


def kind_of(command: Command) -> str:
    """The module, and what is chosen first."""
    if command.module == "make" or command.module in NOT_RUN:
        return command.module
    for choice in CHOICES:
        for word in command.arguments:
            if word == choice or word.startswith(f"{choice}="):
                return f"{command.module} {choice if choice in NAMES else word}"
    return command.module


def scorings() -> list[str]:
    """A command of each kind that scores a prediction, all of whose files are in the workshop."""
    starts = ("experiments.evaluate prediction=", "experiments.evaluate task=")
    whole = [c for c in COMMANDS if str(c).startswith(starts) and not re.search("[A-Z]", str(c))]
    return list({kind_of(command): str(command) for command in reversed(whole)}.values())


RUNS = (
    Run("data.catalog", ""),
    Run(
        "data.convert stack/*.tif stack.zarr voxel_size_nm=[30,6,6] pyramid=true",
        "stack.zarr/0/zarr.json",
    ),
    Run("data.synthetic DST shape=[512,4096,4096]", "DST/synapses.csv", "shape=[6,96,96]"),
    Run(
        "experiments.phantom data/imaging=defects",
        "DEFECTS/report.html",
        "data.shape=[8,96,96] hydra.run.dir=DEFECTS",
    ),
    Run("experiments.train model=membrane data=phantom", "LEARNT/best.npz", TRAINING),
    Run(
        "experiments.train resume=RUN_DIR",
        "LEARNT/metrics.json",
        words={"RUN_DIR": "LEARNT"},
        after="LEARNT",
    ),
    Run(
        "experiments.evaluate checkpoint=RUN_DIR data=phantom split=test",
        "SCORED/report.html",
        "data.shape=[6,160,160] resampling.draws=20 hydra.run.dir=SCORED",
        {"RUN_DIR": "LEARNT"},
        after="LEARNT",
    ),
    Run(
        "experiments.sweep_table multirun/train/membrane_seeds",
        "LEARNT/sweep.csv",
        words={"multirun/train/membrane_seeds": "LEARNT"},
        after="LEARNT",
    ),
    Run(
        "experiments.reconstruct data=files data.image=STACK.tif "
        "data.voxel_size_nm=[30,6,6] weights=ssem_mouse",
        "OWN/report.html",
        "hydra.run.dir=OWN",
    ),
    Run(
        "experiments.reconstruct data=phantom split=test weights=phantom",
        "RUN/connectome.graphml",
        f"{SMALL} hydra.run.dir=RUN",
    ),
    Run(
        "experiments.reconstruct data=phantom split=test data.shape=[16,512,512] "
        "segmenter=3c synapses.evidence=[] hydra.run.dir=RUN",
        "FOLLOWED/report.html",
        "data.shape=[8,128,128]",
        {"hydra.run.dir=RUN": "hydra.run.dir=FOLLOWED"},
    ),
    Run(
        "experiments.calibrate RUN_DIR WEIGHTS",
        "RUN/calibration.json",
        words={"RUN_DIR": "RUN", "WEIGHTS": "cleft.npz"},
        after="RUN",
    ),
    Run(
        "experiments.calibrate synapses RUN phantom/cleft",
        "RUN/synapse_calibration.json",
        words={"phantom/cleft": "cleft.npz"},
        after="RUN",
    ),
    *(
        Run(command, f"SCORES{n}/report.html", f"hydra.run.dir=SCORES{n} resampling.draws=20")
        for n, command in enumerate(scorings())
    ),
)


def test_one_command_of_each_kind_is_run_or_says_why_not():
    run = {kind_of(command) for command in COMMANDS if str(command) in {r.command for r in RUNS}}
    assert {kind_of(command) for command in COMMANDS} <= run | set(NOT_RUN)


def test_what_is_run_stands_in_the_documents():
    assert {run.command for run in RUNS} <= set(map(str, COMMANDS))


@pytest.fixture(scope="module")
def workshop(tmp_path_factory):
    """A folder with the files that the documents speak of, all made of one phantom."""
    folder = tmp_path_factory.mktemp("place") / "workshop"
    tissue = Tissue(synapses_per_um3=20.0)
    write_phantom(Phantom(PhantomParameters((8, 128, 128), seed=3, tissue=tissue)), str(folder))
    for name, original in COPIES.items():
        (folder / name).symlink_to(folder / original)
    (folder / "stack").mkdir()
    for name, original in CONVERTED.items():
        assert convert.main([str(folder / original), str(folder / name)]) == 0
    for name, original in PROBABILITIES.items():
        mask = open_volume(str(folder / original))
        path, size = str(folder / name), mask.voxel_size_nm
        volume = create_volume(path, shape=mask.shape, dtype="uint8", voxel_size_nm=size)
        volume.write(np.uint8(255) * (mask.read() > 0))
    shutil.copy(find_weights("phantom/cleft"), folder / "cleft.npz")
    return folder


def carry_out(run: Run) -> None:
    """Runs a command in this folder, unless it has been; first the one that it comes after."""
    if run.after:
        carry_out(next(r for r in RUNS if r.folder == run.after))
    if run.leaves and Path(run.leaves).exists() and not run.after:
        return
    module, *arguments = run.command.split()
    words = [run.words.get(word, word.replace("=RUN_DIR", "=LEARNT")) for word in arguments]
    main = (synthetic if module == "data.synthetic" else importlib.import_module(module)).main
    if module.removeprefix("experiments.") not in schema.ENTRY_POINTS:
        assert main([*words, *run.more.split()]) == 0
        return
    silent = ("hydra/job_logging=none", "hydra/hydra_logging=none")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HYDRA_FULL_ERROR", "1")
        patch.setattr(sys, "argv", [module, *words, *run.more.split(), *silent])
        main()


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.command)
def test_a_command_of_each_kind_runs(run, workshop, monkeypatch):
    monkeypatch.chdir(workshop)
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        carry_out(run)
    assert (workshop / run.leaves).exists()
