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
    data, scores = card["config"]["data"], card["validation"]
    joining, rules = card.get("agglomeration"), card.get("synapse_rules")
    lines = [
        f"## {kind}",
        "",
        f"- data: {card['source']}, split `{data['split']}`; voxels of {card['voxel_size_nm']} nm",
        f"- terms of the data: {card['terms']}",
        *(f"- cite: {citation}" for citation in card["citations"]),
        f"- command: `{card['command']}` (commit {card['commit']})",
        f"- took {card['seconds']} seconds on {card['machine']}",
        f"- at step {card['step']}, on split `{card['config']['validation_split']}` of the same "
        "data, by which the step and the thresholds were chosen:",
        *(f"  - {name}: {value:.3f}" for name, value in scores.items()),
        *([f"- regions are joined by {joining}, chosen on the same split"] if joining else []),
        *([f"- synapses are found by {rules}, chosen on the same split"] if rules else []),
    ]
    return "\n".join(lines) + "\n"
