"""Weights of a finished training, at half precision, with a card that says where they come from."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from data.datasets.loading import find_entry
from experiments.cards import write_cards
from experiments.training.earlier import CONFIG, FINAL
from models.archive import read_archive, write_archive
from models.cross_weights import (
    KIND,
    is_cross_classifier,
    load_cross_weights,
    save_cross_weights,
)
from models.edge_classifier import is_classifier
from models.merge_weights import KIND as MERGENET
from models.merge_weights import is_mergenet, load_merge_weights, save_merge_weights
from models.outputs import offset_of
from models.pretrained_weights import BEST
from models.weights import load_weights, read_card, save_weights

MACHINE = (
    "data.root=",
    "model.reconstruction=",
    "tracker",
    "hydra.",
)  # what says nothing of the weights


def ship(run: Path, folder: Path) -> Path:
    """Writes OUTPUT.npz into the folder, and the README.md of all that lies there.

    An edge classifier is edges.npz there, a cross-classifier cross_classifier.npz, a MergeNet
    mergenet.npz.

    Raises:
        FileNotFoundError: a run that is not finished.
        ValueError: weights that half precision cannot hold.
    """
    if not (run / FINAL).is_file():
        raise FileNotFoundError(f"{run}: needs the run directory of a finished training")
    folder.mkdir(parents=True, exist_ok=True)
    if is_classifier(run / BEST):
        path, (about, arrays) = folder / "edges.npz", read_archive(run / BEST)
        write_archive(path, {**about, "card": card_of(run)}, arrays)
    elif is_cross_classifier(run / BEST):
        path, (sizes, params) = folder / f"{KIND}.npz", load_cross_weights(run / BEST)
        save_cross_weights(path, sizes, params, card_of(run), storage="float16")
    elif is_mergenet(run / BEST):
        path, (windows, params) = folder / f"{MERGENET}.npz", load_merge_weights(run / BEST)
        save_merge_weights(path, windows, params, card_of(run), storage="float16")
    else:
        architecture, params = load_weights(run / BEST)
        path = folder / f"{kind_of(architecture.outputs)}.npz"
        save_weights(path, architecture, params, card_of(run), storage="float16")
    write_cards(folder)
    return path


def kind_of(outputs: Sequence[str]) -> str:
    """One word for what a network answers: its output, "affinity", or "joint" for several."""
    kinds = {"affinity" if offset_of(output) else output for output in outputs}
    return kinds.pop() if len(kinds) == 1 else "joint"


def card_of(run: Path) -> dict[str, Any]:
    """The card that the training wrote, with the command, the time it took, machine and terms.

    The time is that between the run's first file and its last, so that it holds for trainings that
    were not interrupted.
    """
    card, machine = read_card(run / BEST), json.loads((run / "environment.json").read_text())
    seconds = (run / FINAL).stat().st_mtime - (run / CONFIG).stat().st_mtime
    card["config"]["data"].pop("root", None)  # paths of the machine that it was trained on
    card["config"].get("model", {}).pop("reconstruction", None)
    return {
        **card,
        "command": command_of(run),
        "seconds": round(seconds),
        "machine": "{threads} threads of {cpu}, {instruction_set}".format(**machine),
        "commit": (machine["git"] or {}).get("commit"),
        **terms_of(card["config"]["data"]["name"]),
    }


def command_of(run: Path) -> str:
    """The command that started the run, less what concerns its machine alone."""
    overrides = map(str, OmegaConf.load(run / ".hydra" / "overrides.yaml"))
    chosen = [word for word in overrides if not word.startswith(MACHINE)]
    return " ".join(["python -m experiments.train", *chosen])


def terms_of(name: str) -> dict[str, Any]:
    """Where the training data come from and what their terms ask for."""
    if name.startswith("phantom"):
        return {"source": "generated tissue", "terms": "none", "citations": []}
    entry = find_entry(name)
    terms = entry.terms
    if entry.non_commercial:
        terms += " These weights are derived from the data: take them as non-commercial too."
    return {"source": entry.title, "terms": terms, "citations": list(entry.citations)}
