"""What a training writes down as it goes, from which it can go on and be compared.

A run directory holds `config.json` (what was run), `metrics.jsonl` (an object a line: a step and
its values) and, once the run is done, `metrics.json` (the final values). None of them tells the
time, so that a resumed run leaves the same bytes as one that was never interrupted.
"""

import contextlib
import dataclasses
import json
import math
import os
from collections.abc import Generator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from configs.sources import Tracker
from experiments.run_record import write_json, write_text
from experiments.training.earlier import CONFIG, FINAL, plain
from experiments.training.mirror import Mirror, mirrored

HISTORY = "metrics.jsonl"

Values = Mapping[str, float | int | None]
NO_PICTURES: Mapping[str, Path] = MappingProxyType({})


@dataclasses.dataclass(frozen=True)
class Record:
    """Where the values of a run go; see `track`.

    Attributes:
        folder: the run directory; None where another process keeps the record.
        mirror: the copy for wandb.
    """

    folder: Path | None
    mirror: Mirror

    def __call__(
        self, step: int, values: Values, pictures: Mapping[str, Path] = NO_PICTURES
    ) -> None:
        """Appends a line to metrics.jsonl, which is on the disk when this returns.

        A step's values are to be recorded before its checkpoint is saved, or a run that is
        killed between the two goes on without them.

        Args:
            step: of the training.
            values: name to value, kept in this order; None where there is none to be had.
            pictures: name to image file, for wandb; they are in the run directory already.

        Raises:
            ValueError: a value that is not finite, or is named `step`.
        """
        line = json.dumps({"step": step, **_checked(values, f"step {step}")}) + "\n"
        if self.folder is not None:
            with (self.folder / HISTORY).open("a") as stream:
                stream.write(line)
                stream.flush()
                os.fsync(stream.fileno())
        self.mirror.log(step, values, pictures)

    def finish(self, values: Values) -> None:
        """Writes metrics.json, which says that the run is done, with its final values.

        Raises:
            ValueError: a value that is not finite, or is named `step`.
        """
        final = _checked(values, "the end")
        if self.folder is not None:
            write_json(self.folder / FINAL, final)
        self.mirror.summarise(final)


@contextlib.contextmanager
def track(
    config: Mapping[str, Any], folder: Path, settings: Tracker, enabled: bool = True
) -> Generator[Record]:
    """The record of a run, from its start to its end.

    Lines of metrics.jsonl that are there stay: `keep_until` before says which of them count.

    Args:
        config: all that was chosen, such as `dataclasses.asdict` of a config.
        folder: the run directory.
        settings: of wandb, which gets the same values, and whose failures are only warned of.
        enabled: whether this process keeps the record, of several that train one network.
    """
    if not enabled:
        yield Record(None, Mirror())
        return
    (folder / FINAL).unlink(missing_ok=True)
    write_json(folder / CONFIG, plain(config))
    with mirrored(plain(config), folder, settings) as mirror:
        yield Record(folder, mirror)


def keep_until(folder: Path, step: int) -> None:
    """Cuts metrics.jsonl back to where a run goes on: lines up to `step`, its checkpoint's.

    A last line that was not written to its end goes too; step -1 keeps nothing.

    Raises:
        ValueError: a line that this project did not write.
    """
    path = folder / HISTORY
    if path.exists():
        *lines, _ = path.read_text().split("\n")  # what follows the last line end is half a line
        kept = [line for n, line in enumerate(lines, 1) if _step(line, f"{path}:{n}") <= step]
        write_text(path, "".join(f"{line}\n" for line in kept))


def _checked(values: Values, when: str) -> dict[str, float | int | None]:
    for name, value in values.items():
        if name == "step":
            raise ValueError("got a value named 'step', as the step itself is; needs another name")
        if value is not None and not math.isfinite(value):
            raise ValueError(
                f"got {name} = {value} at {when}; needs a finite number: the training diverged "
                "(try a lower learning rate), or the value is undefined and to be recorded as None"
            )
    return {n: v if v is None or isinstance(v, int) else float(v) for n, v in values.items()}


def _step(line: str, place: str) -> int:
    try:
        return json.loads(line)["step"]
    except (ValueError, TypeError, KeyError):
        raise ValueError(
            f"{place}: got {line[:60]!r}; needs an object with a step: delete the line"
        ) from None
