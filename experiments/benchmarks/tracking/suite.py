"""Following all objects at once against one after the other, and what parts of it are worth."""

import dataclasses
import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from configs.schema import BenchmarkRun, TrackingSuite
from experiments.benchmarks.tracking.followers import Follower, Kind, by_codes, one_by_one
from experiments.benchmarks.tracking.stacks import Stack, read_halves
from experiments.benchmarks.tracking.tracking import best_threshold, scores, track
from experiments.run_record import environment, write_json, write_text
from models.cross_weights import load_cross_classifier
from models.pretrained_weights import find_weights

log = logging.getLogger(__name__)
COLUMNS = ("experiment", "data", "method", "letters", "spare", "code", "directions", "objects")
MEASURED = ("passes", "mega_pixels", "seconds", "vi", "vi_split", "vi_merge", "vi_range")
Halves = tuple[Stack, Stack]


@dataclasses.dataclass(frozen=True)
class Row:
    """A setting and what it gave; `objects` are pieces in a section, costs are of one section.

    Attributes:
        seconds: that following all regions into the next section takes.
        vi: bits, of the true pieces joined along the stack; the mean over codes.
        vi_range: least and greatest of them.
    """

    experiment: str
    data: str
    method: str
    letters: int
    spare: int
    code: str
    directions: int
    objects: float
    passes: float
    mega_pixels: float
    seconds: float
    vi: float
    vi_split: float
    vi_merge: float
    vi_range: tuple[float, float]


def measure_tracking(config: BenchmarkRun, folder: Path) -> list[Row]:
    """Writes tracking.json and tracking.md."""
    rows = [*scaling(config.tracking, config.seed), *ablation(config.tracking, config.seed)]
    machine = environment()
    figures = {"suite": "tracking", "environment": machine, "rows": list(map(vars, rows))}
    write_json(folder / "tracking.json", figures)
    text = table(rows)
    write_text(folder / "tracking.md", text)
    log.info("\n%s", text)
    return rows


def scaling(settings: TrackingSuite, seed: int) -> Iterator[Row]:
    """More and more digits in a stack, by 3C and by the rival, over sections and windows."""
    if settings.four is None or settings.single is None:
        log.warning("tracking.four or tracking.single is null: scaling is missing")
        return
    four, single = find_weights(settings.four), find_weights(settings.single)
    all_at_once, alone = load_cross_classifier(four), load_cross_classifier(single)
    for count in settings.counts:
        halves = read_halves(dataclasses.replace(settings.digits, count=count), four, seed)
        letters = all_at_once.architecture.letters
        row = {"experiment": "scaling", "data": "digits", "code": "random", "directions": 1}
        methods = {
            "3c": ([by_codes(all_at_once, "random", 0, s) for s in range(settings.codes)], letters),
            "one by one": ([one_by_one(alone, windows=False)], 1),
            "one by one, windows": ([one_by_one(alone, windows=True)], 1),
        }
        for method, (followers, number) in methods.items():
            yield measure(halves, followers, **row, method=method, letters=number, spare=0)


def ablation(settings: TrackingSuite, seed: int) -> Iterator[Row]:
    """Redundancy, kinds of code, directions and letters, on tissue."""
    for name, data, weights in (
        ("phantom", settings.phantom, settings.phantom_weights),
        ("snemi3d", settings.snemi3d, settings.snemi3d_weights),
    ):
        try:
            halves = read_halves(data, find_weights(weights), seed)
        except (FileNotFoundError, NotADirectoryError, ValueError) as error:
            log.warning("%s is missing: %s", name, error)
            continue
        for spare, code, directions in (
            *((spare, "random", 2) for spare in (0, 1, 2)),
            *((spare, "neighbour-aware", 2) for spare in (0, 1)),
            (1, "redundant", 2),
            (1, "random", 1),
        ):
            yield by_setting("ablation", name, halves, weights, spare, code, directions, settings)
    for weights in settings.letters:
        halves = read_halves(settings.phantom, find_weights(weights), seed)
        yield by_setting("letters", "phantom", halves, weights, 0, "random", 2, settings)


def by_setting(
    experiment: str,
    name: str,
    halves: Halves,
    weights: str,
    spare: int,
    code: Kind,
    directions: int,
    settings: TrackingSuite,
) -> Row:
    """A row of 3C."""
    network = load_cross_classifier(find_weights(weights))
    followers = [by_codes(network, code, spare, seed) for seed in range(settings.codes)]
    if code == "redundant":
        followers = followers[:1]  # there is but one
    letters = network.architecture.letters
    row = {"experiment": experiment, "data": name, "method": "3c", "letters": letters}
    return measure(halves, followers, **row, spare=spare, code=code, directions=directions)


def measure(halves: Halves, followers: list[Follower], **setting) -> Row:
    """Costs and accuracy on the right half, at the thresholds that are best on the left one.

    What has to be compiled is compiled for the left half.
    """
    both, found = setting["directions"] == 2, []
    left, right = halves
    for follow in followers:
        threshold = best_threshold(left, track(left, follow, both=both).graph)
        tracked = track(right, follow, both=both)
        found.append((tracked, scores(right, tracked.graph, [threshold])[0]))
    values = {n: float(np.mean([s[n] for _, s in found])) for n in ("vi", "vi_split", "vi_merge")}
    costs = {
        n: float(np.mean([getattr(t, n) for t, _ in found]))
        for n in ("passes", "mega_pixels", "seconds")
    }
    vi = [s["vi"] for _, s in found]
    row = Row(**setting, objects=right.objects, **costs, **values, vi_range=(min(vi), max(vi)))
    log.info("%s", row)
    return row


def table(rows: list[Row]) -> str:
    """All rows, as Markdown."""
    names = (*COLUMNS, *MEASURED[:-1])
    lines = [" | ".join(names), " | ".join("---" for _ in names)]
    lines.extend(" | ".join(_shown(getattr(row, name)) for name in names) for row in rows)
    return "".join(f"| {line} |\n" for line in lines)


def _shown(value) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
