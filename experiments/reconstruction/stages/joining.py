"""Stage `agglomeration`: which supervoxels are one segment.

Blocks are read one after the other, and what is joined far below the threshold within one is joined
at once: a sixth to a third of the edges is left on tissue of mice, and only these have to be in
memory together. They are agglomerated at once, so segments are global, and the order of blocks is
nothing.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float64, UInt64

from configs.reconstruction import Agglomeration
from experiments.reconstruction.durable import save_arrays
from experiments.reconstruction.engine import Stage
from experiments.reconstruction.grid import Block, Grid, whole_grid
from experiments.reconstruction.markers import stage_key
from experiments.reconstruction.stages.adjoining import read_graph, read_part
from experiments.reconstruction.stages.cutting import ID_BITS
from models.edge_classifier import classifier_digest, load_classifier, probabilities
from models.pretrained_weights import find_weights
from ops.segmentation.agglomeration import Dendrogram, agglomerate, cut
from ops.segmentation.edge_features import NAMES, edge_features
from ops.segmentation.graph_sums import contract, merge_graphs
from ops.segmentation.region_graph import RegionGraph
from ops.segmentation.region_statistics import RegionStatistics

SEGMENTS = "agglomeration"
VERSION = 3
EARLY = 0.25  # of the threshold: what is joined below within a block is joined before all else
Ids = UInt64[np.ndarray, " nodes"]


@dataclasses.dataclass(frozen=True)
class Joining:
    """The stage, as plain values.

    Attributes:
        run: the run directory.
        blocks: of the stage `region_graph`, in the order of their index.
        threshold: score below which regions are joined.
        linkage: "mean" or "quantile".
        quantile: which one.
        classifier: file of a classifier, which gives edges their scores; by default these are
            the strengths of boundaries. Scores depend on the statistics of whole edges, so
            that nothing is joined early.
    """

    run: Path
    blocks: tuple[Block, ...]
    threshold: float
    linkage: Literal["mean", "quantile"]
    quantile: float
    classifier: Path | None = None

    def work(self, block: Block) -> None:
        """Writes agglomeration/0_0_0.npz: every supervoxel and its segment, 1, 2, ...

        Beside them the regions that were joined early, each named by its least supervoxel, and the
        later joins with their scores, so that these can be looked at again.
        """
        learned = self.classifier
        nodes, regions, tree = self.by_classifier(learned) if learned else self.by_strength()
        _, segments = np.unique(cut(tree, regions, self.threshold), return_inverse=True)
        made = int(np.searchsorted(tree.scores, np.float32(self.threshold)))
        arrays = {
            "nodes": nodes,
            "segments": segments.astype(np.uint64) + np.uint64(1),
            "regions": regions,
            "merges": tree.merges[:made],
            "scores": tree.scores[:made],
        }
        save_arrays(self.run / SEGMENTS, block, arrays)

    def by_classifier(self, classifier: Path) -> tuple[Ids, Ids, Dendrogram]:
        """All supervoxels, the regions that they are in before all else, and how these join."""
        graph, regions = read_graph(self.run, self.blocks)
        scores = learned_scores(graph, regions, classifier)
        tree = agglomerate(graph, linkage=self.linkage, initial_scores=scores)
        return regions.ids, regions.ids, tree

    def by_strength(self) -> tuple[Ids, Ids, Dendrogram]:
        """As `by_classifier`."""
        parts = [self.join_within(block) for block in self.blocks]
        nodes, roots = map(np.concatenate, zip(*parts, strict=True))
        graph = merge_graphs(
            contract(read_part(self.run, block)[0], nodes, roots) for block in self.blocks
        )
        return nodes, roots, agglomerate(graph, linkage=self.linkage, quantile=self.quantile)

    def join_within(self, block: Block) -> tuple[Ids, Ids]:
        """The supervoxels of a block, and those that they are joined to early."""
        graph, regions = read_part(self.run, block)
        number = graph.edges >> np.uint64(ID_BITS)
        within = number[:, 0] == number[:, 1]
        own = RegionGraph(*(column[within] for column in vars(graph).values()))
        tree = agglomerate(own, linkage=self.linkage, quantile=self.quantile)
        return regions.ids, cut(tree, regions.ids, EARLY * self.threshold)


def learned_scores(
    graph: RegionGraph, regions: RegionStatistics, classifier: Path
) -> Float64[np.ndarray, " edges"]:
    """Of each edge, the probability that it stands between different objects."""
    return probabilities(load_classifier(classifier, NAMES), edge_features(graph, regions))


def stage(run: Path, blocks: Grid, how: Agglomeration, reads: Sequence[str]) -> Stage:
    """The stage of a run, of the whole volume; what `how` leaves open is as in `Joining`."""
    whole = whole_grid(blocks)
    told = {key: value for key, value in dataclasses.asdict(how).items() if value is not None}
    classifier = find_weights(told.pop("classifier")) if how.classifier else None
    content = classifier_digest(load_classifier(classifier, NAMES)) if classifier else None
    return Stage(
        "agglomeration",
        stage_key("agglomeration", VERSION, whole, {**told, "classifier": content}, reads),
        whole.blocks,
        Joining(run, blocks.blocks, **told, classifier=classifier).work,
        [run / SEGMENTS],
        (run / SEGMENTS).mkdir,
    )
