"""The score of the XPRESS challenge, which scores a segmentation on skeletons alone.

Source: Nguyen et al., The XPRESS Challenge: Xray Projectomic Reconstruction - Extracting
Segmentation with Skeletons, ISBI 2023, arXiv:2302.03819; eval/eval.py of
github.com/trivoldus28/xray-challenge-eval, with Rand, VI and ERL of
github.com/funkelab/funlib.evaluate at its commit d2852b3.

Two things differ from the published script. It draws the nodes into a volume for its Rand and VI
terms, so that several nodes in one voxel count once (and share an id if it is background); here
every node counts. And it numbers neurons from 0, which funlib.evaluate takes for background, so
that the first one does not count in those terms; here it does.
"""

import dataclasses

import numpy as np
from jaxtyping import Float64, Integer

from ops.metrics.contingency import Contingency, count_pairs
from ops.metrics.information import lost_bits, variation_of_information
from ops.metrics.metric import Metric
from ops.metrics.overlap import Overlap, overlap_of
from ops.metrics.rand import rand_of_voxels
from ops.metrics.run_length import RunLength, erl_of, expected_run_length

CONVENTION = "xpress2023"


@dataclasses.dataclass(frozen=True)
class XpressScore:
    """The score and its parts; a node over background is a segment of its own.

    Attributes:
        rand_split: sum p^2 / sum a^2 over nodes, a being those of a skeleton and p those that it
            has in a segment; falls with splits; in (0, 1].
        rand_merge: sum p^2 / sum b^2, b being the nodes of a segment; falls with merges.
        nvi_split: H(segment | skeleton) / H(skeleton, segment) of a node; in [0, 1], rises with
            splits; 0 where all nodes are of one skeleton and in one segment.
        nvi_merge: H(skeleton | segment) / H(skeleton, segment); rises with merges.
        erl_nm: expected run length, in nm, with every contact a merge.
        erl_whole_skeletons_nm: the same, where all edges of a skeleton in a merge are wrong.
        mean_length_nm: of the skeletons that have a length.
        nodes: scored.
        skeletons: scored, those of a single node included.
    """

    rand_split: float
    rand_merge: float
    nvi_split: float
    nvi_merge: float
    erl_nm: float
    erl_whole_skeletons_nm: float
    mean_length_nm: float
    nodes: int
    skeletons: int

    @property
    def rand(self) -> float:
        """Mean of the two Rand terms, in (0, 1]."""
        return (self.rand_split + self.rand_merge) / 2

    @property
    def vi(self) -> float:
        """1 - the mean of the two VI terms, in [0, 1]; higher is better."""
        return 1 - (self.nvi_split + self.nvi_merge) / 2

    @property
    def normalized_erl(self) -> float:
        """ERL / mean skeleton length.

        It exceeds 1 for a perfect segmentation of skeletons of different lengths: their own ERL
        weights them by length and is above their mean.
        """
        return self.erl_nm / self.mean_length_nm

    @property
    def score(self) -> float:
        """The challenge's score, ERL + RAND: (rand + normalized ERL) / 2; may exceed 1."""
        return (self.rand + self.normalized_erl) / 2

    @property
    def score_vi(self) -> float:
        """The variant ERL + VOI that the script prints too: (vi + normalized ERL) / 2."""
        return (self.vi + self.normalized_erl) / 2

    @property
    def score_whole_skeletons(self) -> float:
        """`score` with `erl_whole_skeletons_nm`; at most as high."""
        return (self.rand + self.erl_whole_skeletons_nm / self.mean_length_nm) / 2


def xpress_score(
    skeleton_ids: Integer[np.ndarray, " nodes"],
    segments: Integer[np.ndarray, " nodes"],
    edges: Integer[np.ndarray, "edges 2"],
    edge_lengths_nm: Float64[np.ndarray, " edges"],
) -> XpressScore:
    """The score of a segmentation.

    Args:
        skeleton_ids: of each node inside the evaluated box. The challenge takes the connected
            components of the nodes that are left there: what leaves the box and comes back is two
            skeletons.
        segments: the label under each node, >= 0 (see `positions.look_up`).
        edges: rows of the two nodes of each edge, both of one skeleton.
        edge_lengths_nm: of each edge, >= 0.

    Raises:
        ValueError: arrays that do not fit together, labels or lengths below 0 or not finite, or
            skeletons without any length.
    """
    # Nodes over background cannot merge, and no edge between them is correct: for run lengths
    # background as such is the same as a segment for each.
    runs = expected_run_length(skeleton_ids, segments, edges, edge_lengths_nm)
    overlap = overlap_of(_node_table(skeleton_ids, segments), "nothing")
    rand = rand_of_voxels(overlap)
    nvi_split, nvi_merge = _normalized_vi(overlap)
    return XpressScore(
        rand_split=rand.recall,
        rand_merge=rand.precision,
        nvi_split=nvi_split,
        nvi_merge=nvi_merge,
        erl_nm=runs.erl_nm,
        erl_whole_skeletons_nm=_erl_of_whole_skeletons(runs),
        mean_length_nm=float(runs.lengths_nm[runs.lengths_nm > 0].mean()),
        nodes=len(skeleton_ids),
        skeletons=len(runs.skeleton_ids),
    )


def xpress_metrics(result: XpressScore) -> tuple[Metric, ...]:
    """The score, its variants and its parts: convention "xpress2023"."""
    above_one = "normalized by the mean length of the skeletons, so that it may exceed 1"
    whole = (
        "all edges of a skeleton in a merge are wrong, as in early versions of funlib.evaluate "
        f"(commit 0e90ead); {above_one}"
    )
    values = (
        ("score", result.score, "", "higher", above_one),
        ("score_vi", result.score_vi, "", "higher", above_one),
        ("score_whole_skeletons", result.score_whole_skeletons, "", "higher", whole),
        ("rand_split", result.rand_split, "", "higher", ""),
        ("rand_merge", result.rand_merge, "", "higher", ""),
        ("nvi_split", result.nvi_split, "", "lower", ""),
        ("nvi_merge", result.nvi_merge, "", "lower", ""),
        ("erl", result.erl_nm, "nm", "higher", ""),
        ("normalized_erl", result.normalized_erl, "", "higher", above_one),
    )
    counts = {"nodes": result.nodes, "skeletons": result.skeletons}
    return tuple(
        Metric(name, value, CONVENTION, unit, better, counts, note=note)
        for name, value, unit, better, note in values
    )


def _node_table(skeleton_ids, segments) -> Contingency:
    """Nodes by skeleton and segment, both renumbered; each one over background is on its own."""
    _, skeleton = np.unique(skeleton_ids, return_inverse=True)
    labels, segment = np.unique(segments, return_inverse=True)
    background = np.flatnonzero(segments == 0)
    segment[background] = len(labels) + np.arange(len(background))
    return count_pairs(skeleton, segment)


def _normalized_vi(overlap: Overlap) -> tuple[float, float]:
    """VI split and merge as shares of the joint entropy."""
    whole = np.full(len(overlap.joint), overlap.total)
    joint = float(lost_bits(overlap.joint, whole).sum()) / overlap.total
    vi = variation_of_information(overlap)
    return (vi.split / joint, vi.merge / joint) if joint else (0.0, 0.0)


def _erl_of_whole_skeletons(runs: RunLength) -> float:
    erls = np.where(runs.merging > 0, 0.0, runs.erls_nm)
    erl, _, _ = erl_of(runs.lengths_nm, erls, np.ones((1, len(erls))))
    return float(erl[0])
