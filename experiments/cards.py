"""The cards of shipped weights, as a page that people read."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from experiments.run_record import write_text
from models.weights import read_card


def write_cards(folder: Path) -> None:
    """Writes README.md, about all weights of a folder."""
    cards = {file.stem: read_card(file) for file in sorted(folder.glob("*.npz"))}
    sections = [as_markdown(kind, card) for kind, card in cards.items()]
    write_text(folder / "README.md", "\n".join([f"# {folder.name}\n", *sections]))


def as_markdown(kind: str, card: Mapping[str, Any]) -> str:
    """A card as a section."""
    data, joining = card["config"]["data"], card.get("agglomeration")
    voxels = f"; voxels of {card['voxel_size_nm']} nm" if card["voxel_size_nm"] else ""
    chosen_on, rules = f"split `{card['config']['validation_split']}`", card.get("synapse_rules")
    lines = [
        f"## {kind}",
        "",
        f"- data: {card['source']}, split `{data['split']}`{voxels}",
        f"- terms of the data: {card['terms']}",
        *(f"- cite: {citation}" for citation in card["citations"]),
        f"- command: `{card['command']}` (commit {card['commit']})",
        f"- took {card['seconds']} seconds on {card['machine']}",
        *_scores(card, chosen_on),
        *([f"- regions are joined by {joining}, {_origin(card, chosen_on)}"] if joining else []),
        *([f"- synapses are found by {rules}, chosen on {chosen_on}"] if rules else []),
    ]
    return "\n".join(lines) + "\n"


def _origin(card: Mapping[str, Any], chosen_on: str) -> str:
    """Where the way of joining regions comes from."""
    other = card.get("agglomeration_from")
    return f"as for {other}, for want of true neurites" if other else f"chosen on {chosen_on}"


def _scores(card: Mapping[str, Any], chosen_on: str) -> list[str]:
    """Those of a network on validation data, or of an edge classifier on what it has learnt."""
    if "validation" in card:
        words = (
            f"- at step {card['step']}, on {chosen_on} of the same data, by which the step and the "
            "thresholds were chosen:"
        )
        return [words, *(f"  - {name}: {value:.3f}" for name, value in card["validation"].items())]
    learnt = card["learnt"]
    return [
        f"- tells boundaries between supervoxels by the answers of `{card['weights']}`; has learnt "
        f"{learnt['edges']:.0f} of them, and errs in {learnt['errors']:.1%} of those"
    ]
