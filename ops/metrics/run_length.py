"""Expected run length (ERL): how far one follows a neuron before the segmentation goes wrong.

Source: Januszewski et al., High-precision automated reconstruction of neurons with flood-filling
networks, Nature Methods 15, 2018, doi:10.1038/s41592-018-0049-4. The rules are those of
github.com/funkelab/funlib.evaluate, funlib/evaluate/run_length.py (at b533ea8): a segment that
merges skeletons makes those edges wrong that lie in it. Its version 0e90ead, and versions of
github.com/PytorchConnectomics/em_erl, from which the threshold of merges is, count every edge of
such a skeleton as merged; the former also counts background as a segment that can merge.
`RunLength.merging` says which skeletons they would drop, but for those merged by background.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float64, Int64, Integer, Num, UInt64

from ops.metrics.contingency import check_labels
from ops.metrics.metric import Metric, Setting
from ops.metrics.positions import check_voxel_size

CONVENTION = "funlib_erl"


@dataclasses.dataclass(frozen=True)
class RunLength:
    """Expected run lengths of all skeletons and of each, and the errors that shorten them.

    Every edge is correct, split, omitted or merged, and just one of these.

    Attributes:
        erl_nm: ERL = sum L_k erl_k / sum L_k over skeletons k of length L_k, in nm.
        truth_erl_nm: ERL of a perfect segmentation, sum L_k^2 / sum L_k, in nm.
        nerl: ERL / truth ERL = sum L_k erl_k / sum L_k^2, in [0, 1].
        skeleton_ids: each once, in order.
        lengths_nm: L_k, in nm.
        erls_nm: erl_k = sum_s l_ks^2 / L_k, l_ks being the length of its correct edges in segment
            s; in nm, and 0 for a skeleton without length.
        segments: segments other than 0 that lie under its nodes.
        merging: how many of these merge skeletons, or are known to be false merges.
        correct_edges: number of its edges with both ends in one segment, not 0, that merges not.
        split_edges: with ends in two segments, neither of them 0.
        omitted_edges: with an end, or both, in segment 0.
        merged_edges: with both ends in one segment that merges.
        merged_ids: segments that merge skeletons.
        merged_skeletons: how many skeletons each of them holds, >= 2, by contacts that count.
        masked_segments: how many of the segments given as false merges lie under a node.
    """

    erl_nm: float
    truth_erl_nm: float
    nerl: float
    skeleton_ids: Integer[np.ndarray, " skeletons"]
    lengths_nm: Float64[np.ndarray, " skeletons"]
    erls_nm: Float64[np.ndarray, " skeletons"]
    segments: Int64[np.ndarray, " skeletons"]
    merging: Int64[np.ndarray, " skeletons"]
    correct_edges: Int64[np.ndarray, " skeletons"]
    split_edges: Int64[np.ndarray, " skeletons"]
    omitted_edges: Int64[np.ndarray, " skeletons"]
    merged_edges: Int64[np.ndarray, " skeletons"]
    merged_ids: UInt64[np.ndarray, " merged"]
    merged_skeletons: Int64[np.ndarray, " merged"]
    masked_segments: int

    @property
    def split_errors(self) -> Int64[np.ndarray, " skeletons"]:
        """Cuts that each skeleton suffers: its segments - 1, and at least 0."""
        return np.maximum(self.segments - 1, 0)

    @property
    def merge_errors(self) -> Int64[np.ndarray, " merged"]:
        """Joints that each merging segment makes: its skeletons - 1."""
        return self.merged_skeletons - 1


@dataclasses.dataclass(frozen=True)
class _Contacts:
    """Pairs of a skeleton and a segment under its nodes, each once.

    `skeleton` is a row in `skeleton_ids`; `of_node` is the row of each node's contact.
    """

    skeleton_ids: Integer[np.ndarray, " skeletons"]
    skeleton: Int64[np.ndarray, " contacts"]
    segment: UInt64[np.ndarray, " contacts"]
    nodes: Int64[np.ndarray, " contacts"]
    of_node: Int64[np.ndarray, " nodes"]


def expected_run_length(
    skeleton_ids: Integer[np.ndarray, " nodes"],
    segments: Integer[np.ndarray, " nodes"],
    edges: Integer[np.ndarray, "edges 2"],
    edge_lengths_nm: Float64[np.ndarray, " edges"],
    merge_threshold: int = 0,
    mask_segments: Integer[np.ndarray, " masked"] | None = None,
) -> RunLength:
    """Run lengths of the true skeletons in a segmentation.

    An edge is correct if both its nodes lie in one segment, not 0, which does not merge. A
    segment merges if it holds two skeletons or more, each with merge_threshold nodes or more;
    then its edges are wrong in all skeletons, however few nodes they have in it. Segment 0 is
    background and never merges.

    Args:
        skeleton_ids: the skeleton that each node belongs to, any integers.
        segments: the label under each node, >= 0 (see `positions.look_up`).
        edges: rows of the two nodes of each edge, both of one skeleton.
        edge_lengths_nm: of each edge, >= 0.
        merge_threshold: fewest nodes of a contact that counts as a merge. Published scores take
            0, which is every contact; em_erl's programs take 50 unless told otherwise.
        mask_segments: segments known to be false merges, as those that enter a region where none
            of the skeletons can be. All their edges are wrong; em_erl spares those of skeletons
            with fewer than merge_threshold nodes there.

    Raises:
        ValueError: arrays that do not fit together, labels or lengths below 0 or not finite, a
            negative merge_threshold, or skeletons without any length.
    """
    _check_nodes(skeleton_ids, segments, merge_threshold)
    _check_edges(skeleton_ids, edges, edge_lengths_nm)
    contacts = _contacts(skeleton_ids, segments.astype(np.uint64))
    merged_ids, merged_skeletons = _merges(contacts, merge_threshold)
    masked = np.intersect1d(_as_ids(mask_segments), contacts.segment[contacts.segment != 0])
    wrong = np.isin(contacts.segment, np.concatenate([merged_ids, masked]))
    kinds = _edge_kinds(contacts, edges, wrong)
    lengths, erls = _skeleton_lengths(contacts, edges, edge_lengths_nm, kinds["correct_edges"])
    erl, truth_erl, nerl = erl_of(lengths, erls, np.ones((1, len(lengths))))
    return RunLength(
        erl_nm=float(erl[0]),
        truth_erl_nm=float(truth_erl[0]),
        nerl=float(nerl[0]),
        skeleton_ids=contacts.skeleton_ids,
        lengths_nm=lengths,
        erls_nm=erls,
        **_skeleton_counts(contacts, edges, wrong, kinds),
        merged_ids=merged_ids,
        merged_skeletons=merged_skeletons,
        masked_segments=len(masked),
    )


def erl_of(
    lengths_nm: Float64[np.ndarray, " skeletons"],
    erls_nm: Float64[np.ndarray, " skeletons"],
    weights: Num[np.ndarray, "draws skeletons"],
) -> tuple[
    Float64[np.ndarray, " draws"], Float64[np.ndarray, " draws"], Float64[np.ndarray, " draws"]
]:
    """ERL (nm), truth ERL (nm) and NERL of many draws of skeletons, as for a bootstrap.

    NERL is sum L_k erl_k / sum L_k^2; the quotient of the plain sums, sum erl_k / sum L_k, is
    another number.

    Args:
        lengths_nm: L_k, of each skeleton.
        erls_nm: erl_k, of each skeleton.
        weights: how often each skeleton counts in each draw, >= 0.

    Raises:
        ValueError: a draw without any length.
    """
    total = weights @ lengths_nm
    correct, truth = weights @ (lengths_nm * erls_nm), weights @ lengths_nm**2
    if not (truth > 0).all():
        raise ValueError(
            f"got skeletons with a length of {float(total.min())} nm in all; needs some above 0: "
            "give edges, with lengths, and draw only from skeletons that have them"
        )
    return correct / total, truth / total, correct / truth


def run_length_metrics(
    result: RunLength, voxel_size_nm: Sequence[int | float], merge_threshold: int
) -> tuple[Metric, ...]:
    """ERL, truth ERL, NERL, and the errors in all and per skeleton: convention "funlib_erl".

    Means are over all skeletons, those of a single node included. `split_errors` counts the
    segments of each skeleton beyond its first, `merge_errors` the skeletons of each segment
    beyond its first; `split_edges`, `omitted_edges` and `merged_edges` count edges.

    Args:
        result: of `expected_run_length`.
        voxel_size_nm: that of the segmentation (z, y, x), as lengths depend on it; only recorded.
        merge_threshold: that of the result; only recorded.

    Raises:
        ValueError: unless the voxel size is three finite numbers > 0.
    """
    settings: dict[str, Setting] = {
        "voxel_size_nm": "x".join(f"{size:g}" for size in check_voxel_size(voxel_size_nm)),
        "merge_threshold": merge_threshold,
        "masked_segments": result.masked_segments,
    }
    skeletons = len(result.skeleton_ids)
    kinds = ("correct_edges", "split_edges", "omitted_edges", "merged_edges")
    edges = sum(int(getattr(result, kind).sum()) for kind in kinds)
    counts = {"skeletons": skeletons, "edges": edges}
    lengths = (
        Metric("erl", result.erl_nm, CONVENTION, "nm", "higher", counts, settings),
        Metric("truth_erl", result.truth_erl_nm, CONVENTION, "nm", "", counts, settings),
        Metric("nerl", result.nerl, CONVENTION, "", "higher", counts, settings),
    )
    names = ("split_errors", "merge_errors", *kinds[1:])
    errors = {name: float(getattr(result, name).sum()) for name in names}
    errors |= {f"{name}_per_skeleton": total / skeletons for name, total in errors.items()}
    return lengths + tuple(
        Metric(name, value, CONVENTION, "", "lower", counts, settings)
        for name, value in errors.items()
    )


def _contacts(skeleton_ids, segments) -> _Contacts:
    skeletons, skeleton = np.unique(skeleton_ids, return_inverse=True)
    labels, label = np.unique(segments, return_inverse=True)
    pairs, of_node, nodes = np.unique(
        skeleton * len(labels) + label, return_inverse=True, return_counts=True
    )
    return _Contacts(skeletons, pairs // len(labels), labels[pairs % len(labels)], nodes, of_node)


def _merges(contacts: _Contacts, threshold: int):
    """Segments that merge skeletons, and how many each."""
    counted = (contacts.segment != 0) & (contacts.nodes >= threshold)
    ids, skeletons = np.unique(contacts.segment[counted], return_counts=True)
    return ids[skeletons > 1], skeletons[skeletons > 1]


def _edge_kinds(contacts: _Contacts, edges, wrong) -> dict[str, Bool[np.ndarray, " edges"]]:
    """Which edges are of each kind; `wrong` are the contacts with a segment that merges."""
    ends = contacts.of_node[edges]
    omitted = (contacts.segment[ends] == 0).any(axis=1)
    split = ~omitted & (ends[:, 0] != ends[:, 1])
    merged = ~omitted & ~split & wrong[ends[:, 0]]
    return {
        "correct_edges": ~(omitted | split | merged),
        "split_edges": split,
        "omitted_edges": omitted,
        "merged_edges": merged,
    }


def _skeleton_lengths(contacts: _Contacts, edges, edge_lengths_nm, correct):
    """Length and run length of each skeleton."""
    count = len(contacts.skeleton_ids)
    contact = contacts.of_node[edges[:, 0]]
    lengths = np.bincount(contacts.skeleton[contact], edge_lengths_nm, minlength=count)
    runs = np.bincount(contact[correct], edge_lengths_nm[correct], minlength=len(contacts.skeleton))
    squares = np.bincount(contacts.skeleton, runs**2, minlength=count)
    erls = np.divide(squares, lengths, out=np.zeros(count), where=lengths > 0)
    return lengths.astype(np.float64), erls


def _skeleton_counts(contacts: _Contacts, edges, wrong, kinds):
    """Segments and edges of each kind, by skeleton."""
    count = len(contacts.skeleton_ids)
    segments = {"segments": contacts.segment != 0, "merging": wrong}
    owner = contacts.skeleton[contacts.of_node[edges[:, 0]]]
    return {
        **{
            kind: np.bincount(contacts.skeleton[of], minlength=count)
            for kind, of in segments.items()
        },
        **{kind: np.bincount(owner[of], minlength=count) for kind, of in kinds.items()},
    }


def _as_ids(mask_segments) -> UInt64[np.ndarray, " masked"]:
    if mask_segments is None:
        return np.zeros(0, np.uint64)
    check_labels(mask_segments, "mask_segments")
    return mask_segments.astype(np.uint64)


def _check_nodes(skeleton_ids, segments, merge_threshold) -> None:
    check_labels(segments, "segments")
    if skeleton_ids.shape != segments.shape or merge_threshold < 0:
        raise ValueError(
            f"got {skeleton_ids.shape} skeleton ids, {segments.shape} segments and "
            f"merge_threshold={merge_threshold}; needs one of each for every node, and a "
            "threshold >= 0"
        )


def _check_edges(skeleton_ids, edges, edge_lengths_nm) -> None:
    nodes = len(skeleton_ids)
    if edges.shape != (len(edge_lengths_nm), 2) or ((edges < 0) | (edges >= nodes)).any():
        raise ValueError(
            f"got edges of shape {edges.shape} and {len(edge_lengths_nm)} lengths; needs two node "
            f"rows from 0 to {nodes - 1}, and a length, for each edge"
        )
    if not (np.isfinite(edge_lengths_nm) & (edge_lengths_nm >= 0)).all():
        raise ValueError("got an edge length that is negative or not finite; needs nm, >= 0")
    if (skeleton_ids[edges[:, 0]] != skeleton_ids[edges[:, 1]]).any():
        raise ValueError(
            "got an edge between two skeletons; needs one id for all nodes that edges connect"
        )
