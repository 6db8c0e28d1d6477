"""The kernels of this package in NumPy, SciPy and scikit-image.

They serve where the C++ extension is not built, and check it in tests: results are the same,
but for the rounding of floats and for ties between seeds of a watershed.
"""

import heapq

import numpy as np
from scipy import ndimage
from skimage import morphology, segmentation


def boundary_distance(mask, voxel_size_nm, in_plane):
    """As `distance.boundary_distance`."""
    if in_plane:
        parts = [_distance(section, voxel_size_nm[1:]) for section in mask]
        return np.stack(parts) if parts else np.zeros(mask.shape, np.float32)
    return _distance(mask, voxel_size_nm)


def _distance(mask, spacing):
    if mask.all():  # SciPy has no answer then
        return np.full(mask.shape, np.inf, np.float32)
    return ndimage.distance_transform_edt(mask, spacing).astype(np.float32)


def smooth(values, sigma):
    """Gaussian of the given sigmas in voxels."""
    return ndimage.gaussian_filter(values, sigma, mode="nearest", truncate=4)


def label_maxima(values, in_plane):
    """Numbered regional maxima > 0, and how many there are."""
    parts, count = [], 0
    for part in values[:, None] if in_plane else [values]:
        highest = morphology.local_maxima(np.pad(part, 1), connectivity=3)[1:-1, 1:-1, 1:-1]
        labels, found = ndimage.label(highest & (part > 0), np.ones((3, 3, 3)), np.uint32)
        parts.append(np.where(labels > 0, labels + np.uint32(count), np.uint32(0)))
        count += found
    return np.concatenate(parts) if parts else np.zeros(values.shape, np.uint32), count


def watershed(height, seeds, in_plane, mask):
    """As `watershed.watershed`."""
    if in_plane:
        parts = [
            _watershed(height[z], seeds[z], None if mask is None else mask[z])
            for z in range(len(height))
        ]
        return np.stack(parts) if parts else seeds
    return _watershed(height, seeds, mask)


def _watershed(height, seeds, mask):
    return segmentation.watershed(height, seeds, mask=mask).astype(np.uint32)


def boundary_graph(labels, boundary, offsets, ranges):
    """Columns of `region_graph.boundary_graph`."""
    return _columns(labels, offsets, ranges, lambda _, v, u: np.maximum(boundary[v], boundary[u]))


def affinity_graph(labels, affinities, offsets, ranges):
    """Columns of `region_graph.affinity_graph`."""
    return _columns(labels, offsets, ranges, lambda c, v, u: 255 - affinities[v][..., c])


def _columns(labels, offsets, ranges, strength):
    ends, strengths, lengths, sections = [], [], [], []
    for channel, offset in enumerate(offsets):
        here, there = _views(offset, ranges, labels.shape)
        differ = (labels[here] != labels[there]) & (labels[here] > 0) & (labels[there] > 0)
        pairs = np.stack([labels[here][differ], labels[there][differ]], axis=1)
        ends.append(np.sort(pairs, axis=1))
        strengths.append(strength(channel, here, there)[differ])
        lengths.append(np.full(len(pairs), sum(map(abs, offset))))
        sections.append(np.full(len(pairs), offset[0] != 0))
    return _sums(*map(np.concatenate, (ends, strengths, lengths, sections)))


def _views(offset, ranges, shape):
    """Where the voxels of pairs lie, and where their partners."""
    here, there = [], []
    for step, (start, stop), length in zip(offset, ranges, shape, strict=True):
        start, stop = max(start, -step), min(stop, length - step)
        stop = max(start, stop)
        here.append(slice(start, stop))
        there.append(slice(start + step, stop + step))
    return tuple(here), tuple(there)


def _sums(ends, strengths, lengths, across):
    edges, edge = np.unique(ends.astype(np.uint64), axis=0, return_inverse=True)
    edge = edge.ravel()

    def count(weights):
        return np.bincount(edge, weights, len(edges)).astype(np.int64)

    bins = np.bincount(edge * 16 + strengths // 16, minlength=16 * len(edges))
    return (
        edges,
        count(lengths == 1),
        count(across),
        count(across * strengths.astype(np.int64)),
        count(~across),
        count(~across * strengths.astype(np.int64)),
        bins.astype(np.uint32).reshape(-1, 16),
    )


def agglomerate(nodes, ends, faces, statistics, score):
    """Merges of nodes and their scores; an edge has a row of statistics, whose score is taken."""
    statistics, touches, keys, heap = statistics.copy(), faces > 0, {}, []
    least, ends = list(range(nodes)), [tuple(pair) for pair in ends.tolist()]
    around = [{} for _ in range(nodes)]

    def push(edge):
        if touches[edge]:
            keys[edge] = np.float32(score(statistics[edge]))
            heapq.heappush(heap, (keys[edge], edge))

    def join(edge, other):
        statistics[edge] += statistics[other]
        touches[edge] |= touches[other]
        keys.pop(other, None)
        push(edge)
        return edge

    for edge, (a, b) in enumerate(ends):
        around[a][b] = around[b][a] = edge
        push(edge)
    merges, scores = [], []
    while heap:
        value, edge = heapq.heappop(heap)
        if keys.get(edge) != value:
            continue
        kept, gone = sorted(ends[edge], key=lambda node: -len(around[node]))
        del keys[edge], around[kept][gone]
        for other, moved in around[gone].items():
            if other == kept:
                continue
            parallel = around[kept].get(other)
            if parallel is not None:
                moved = join(*sorted((moved, parallel)))
            ends[moved] = kept, other
            del around[other][gone]
            around[kept][other] = around[other][kept] = moved
        around[gone].clear()
        merges.append(sorted((least[kept], least[gone])))
        scores.append(value)
        least[kept] = merges[-1][0]
    monotone = np.maximum.accumulate(np.array(scores, np.float32))
    return np.array(merges, np.uint32).reshape(-1, 2), monotone
