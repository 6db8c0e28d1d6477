"""Synaptic partners: pairs of a pre- and a postsynaptic site, matched one to one as CREMI does.

Source: CREMI challenge, synaptic partners, 2016, cremi.org; github.com/cremi/cremi_python,
cremi/evaluation/synaptic_partners.py. Its dense square assignment grows with the square of the
number of synapses; here only pairs that may match are looked at, with the same optimum.
"""

import dataclasses
import math

import numpy as np
from jaxtyping import Float64, Int64, Integer
from scipy.spatial import KDTree

from ops.metrics.assignment import heaviest_matching
from ops.metrics.contingency import check_labels
from ops.metrics.matches import Matches, match_metrics
from ops.metrics.metric import Metric, Setting
from ops.metrics.polarity import Polarity, polarity_metric


@dataclasses.dataclass(frozen=True)
class Partners:
    """Synapses from one site to one other each.

    Attributes:
        pre: presynaptic sites (z, y, x), in nm.
        post: postsynaptic sites (z, y, x), in nm.
        ids: labels at (pre, post) in the TRUTH segmentation, for a prediction as well; >= 0. As
            in CREMI, background is a label like others: a 0 matches a 0.

    Raises:
        ValueError: lengths that differ, a site that is not finite, or labels that are none.
    """

    pre: Float64[np.ndarray, "n 3"]
    post: Float64[np.ndarray, "n 3"]
    ids: Integer[np.ndarray, "n 2"]

    def __post_init__(self):
        check_labels(self.ids, "ids")
        shapes = self.pre.shape, self.post.shape, self.ids.shape
        if shapes != ((len(self), 3), (len(self), 3), (len(self), 2)):
            raise ValueError(
                f"got pre, post and ids of shapes {shapes}; needs (n, 3), (n, 3) and (n, 2)"
            )
        if not (np.isfinite(self.pre).all() and np.isfinite(self.post).all()):
            raise ValueError("got a site that is not finite; needs (z, y, x) in nm for each")

    def __len__(self) -> int:
        return len(self.pre)


@dataclasses.dataclass(frozen=True)
class PartnerMatch:
    """What was found, and by what.

    Attributes:
        matches: predicted synapses that match a true one, those that do not, and those missed.
        pairs: row numbers (in the prediction, in the truth) of the synapses matched, in order.
    """

    matches: Matches
    pairs: Int64[np.ndarray, "k 2"]


def match_partners(
    prediction: Partners, truth: Partners, max_distance_nm: int | float = 400.0
) -> PartnerMatch:
    """The one-to-one matching of least cost.

    A predicted and a true synapse may match if they have the same ids, in order, and both their
    pre- and their postsynaptic sites are at most T = max_distance_nm apart; the cost is then the
    mean of the two distances. A synapse without a match costs 2 T, so one match more mostly
    outweighs closer ones.

    Raises:
        ValueError: unless the distance is finite and > 0.
    """
    limit = _check_distance(max_distance_nm)
    pairs = _near_pairs(prediction.pre, truth.pre, *_groups(prediction.ids, truth.ids), limit)
    pre_nm = _apart_nm(prediction.pre, truth.pre, pairs)
    post_nm = _apart_nm(prediction.post, truth.post, pairs)
    near = (pre_nm <= limit) & (post_nm <= limit)
    pairs, cost = pairs[near], (pre_nm + post_nm)[near] / 2
    # Of the padded square, whatever is not matched costs 2 T: the least cost saves the most.
    chosen = heaviest_matching(pairs[:, 0], pairs[:, 1], 2 * limit - cost)
    found = len(chosen)
    return PartnerMatch(Matches(found, len(prediction) - found, len(truth) - found), pairs[chosen])


def compare_polarity(
    prediction: Partners, truth: Partners, max_distance_nm: int | float = 400.0
) -> Polarity:
    """Whether synapses, matched irrespective of their direction, have the right one.

    Matched one to one, as in `match_partners`, are synapses whose two ids are the same in either
    order and whose midpoints are at most max_distance_nm apart, which is the cost. Their
    direction is right if the ids are the same in order. Left out are synapses within one id:
    ids do not tell their direction.

    Raises:
        ValueError: unless the distance is finite and > 0.
    """
    limit = _check_distance(max_distance_nm)
    prediction, truth = _between_two(prediction), _between_two(truth)
    groups = _groups(np.sort(prediction.ids, axis=1), np.sort(truth.ids, axis=1))
    sites = [(partners.pre + partners.post) / 2 for partners in (prediction, truth)]
    pairs = _near_pairs(*sites, *groups, limit)
    cost = _apart_nm(*sites, pairs)
    pairs, cost = pairs[cost <= limit], cost[cost <= limit]
    chosen = pairs[heaviest_matching(pairs[:, 0], pairs[:, 1], 2 * limit - cost)]
    same = (prediction.ids[chosen[:, 0]] == truth.ids[chosen[:, 1]]).all(axis=1)
    return Polarity(int(np.count_nonzero(same)), len(same))


def partner_metrics(
    prediction: Partners, truth: Partners, max_distance_nm: int | float = 400.0
) -> tuple[Metric, ...]:
    """Precision, recall and F1 ("cremi2016"), and polarity accuracy ("neuropil_polarity_v1").

    Sets without synapses score as `Matches` says (CREMI's code divides by zero).
    """
    settings: dict[str, Setting] = {"max_distance_nm": float(max_distance_nm)}
    matches = match_partners(prediction, truth, max_distance_nm).matches
    polarity = compare_polarity(prediction, truth, max_distance_nm)
    return (
        *match_metrics(matches, "cremi2016", "partner_", settings),
        polarity_metric(polarity, "partner_polarity_accuracy", "neuropil_polarity_v1", settings),
    )


def _check_distance(max_distance_nm) -> float:
    if not (math.isfinite(max_distance_nm) and max_distance_nm > 0):
        raise ValueError(f"got max_distance_nm={max_distance_nm}; needs a finite length in nm, > 0")
    return float(max_distance_nm)


def _between_two(partners: Partners) -> Partners:
    kept = partners.ids[:, 0] != partners.ids[:, 1]
    return Partners(partners.pre[kept], partners.post[kept], partners.ids[kept])


def _groups(first_ids, second_ids) -> tuple[np.ndarray, np.ndarray]:
    """A number for each pair of ids, the same for equal ones."""
    ids = np.concatenate([first_ids.astype(np.uint64), second_ids.astype(np.uint64)])
    _, group = np.unique(ids, axis=0, return_inverse=True)
    first, second = np.split(group.reshape(-1), [len(first_ids)])
    return first, second


def _near_pairs(first, second, first_group, second_group, limit) -> Int64[np.ndarray, "pairs 2"]:
    """Row numbers, in order, of sites of one group, the limit or a rounding error more apart."""
    # Groups lie apart along a fourth axis, so the tree never pairs sites of two of them.
    trees = [
        KDTree(np.column_stack([sites, 4 * limit * group]))
        for sites, group in ((first, first_group), (second, second_group))
    ]
    near = trees[0].sparse_distance_matrix(trees[1], limit * (1 + 1e-9), output_type="ndarray")
    order = np.lexsort((near["j"], near["i"]))
    return np.stack([near["i"], near["j"]], axis=1).astype(np.int64)[order]


def _apart_nm(first, second, pairs) -> Float64[np.ndarray, " pairs"]:
    return np.linalg.norm(first[pairs[:, 0]] - second[pairs[:, 1]], axis=1)
