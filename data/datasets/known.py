"""Every named dataset."""

from data.datasets import (
    cremi,
    fib25,
    fib_tiny,
    hemibrain_skeletons,
    hydra_vesicles,
    isbi2012,
    mnist,
    phantom,
    pinky40,
    snemi3d,
    vnc,
)
from data.datasets.entry import Entry

MODULES = (
    phantom,
    snemi3d,
    isbi2012,
    vnc,
    fib25,
    fib_tiny,
    hydra_vesicles,
    pinky40,
    hemibrain_skeletons,
    mnist,
    cremi,
)
DATASETS: dict[str, Entry] = {module.ENTRY.name: module.ENTRY for module in MODULES}
