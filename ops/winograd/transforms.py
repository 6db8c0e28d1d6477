"""The transforms of F(m, r), in exact rational numbers.

m outputs of a correlation with r taps need T = m + r - 1 products instead of m r (Winograd,
Arithmetic complexity of computations, 1980; Lavin & Gray, CVPR 2016, arXiv:1509.09308):

    y = A^T [(G w) * (B^T x)]

by interpolation at T - 1 finite points and infinity (Toom 1963). The points are 0 and pairs +-p, so
that rows come in twos that share work; the p are those of least rounding error found by search.
Rows are ordered 0, +p_1, -p_1, +p_2, ... , infinity, here and in the compiled kernels.
"""

from fractions import Fraction

POINTS = {
    4: (Fraction(1),),
    6: (Fraction(5, 8), Fraction(3, 2)),
    8: (Fraction(1, 2), Fraction(1), Fraction(2)),
}

Matrix = list[list[Fraction]]


def points(tile: int) -> list[Fraction]:
    """The finite points of a tile of 4, 6 or 8 elements, in the order of rows."""
    return [Fraction(0), *(sign * p for p in POINTS[tile] for sign in (1, -1))]


def input_matrix(tile: int) -> Matrix:
    """B^T (tile x tile): coefficients of the products of (x - p_j) over all other points."""
    finite = points(tile)
    rows = [_product(finite[:i] + finite[i + 1 :]) for i in range(len(finite))]
    return [*([*row, Fraction(0)] for row in rows), _product(finite)]


def kernel_matrix(tile: int, taps: int) -> Matrix:
    """G (tile x taps): powers of the points, divided by the products of p_i - p_j."""
    finite = points(tile)
    rows = []
    for i, p in enumerate(finite):
        scale = Fraction(1)
        for q in finite[:i] + finite[i + 1 :]:
            scale *= p - q
        rows.append([p**k / scale for k in range(taps)])
    return [*rows, [Fraction(int(k == taps - 1)) for k in range(taps)]]


def output_matrix(tile: int, taps: int) -> Matrix:
    """A^T (outputs x tile): powers of the points; infinity counts in the last row alone."""
    outputs = tile - taps + 1
    finite = points(tile)
    return [[p**k for p in finite] + [Fraction(int(k == outputs - 1))] for k in range(outputs)]


def _product(roots: list[Fraction]) -> list[Fraction]:
    """Coefficients of the product of (x - root), lowest power first."""
    coefficients = [Fraction(1)]
    for root in roots:
        shifted = [Fraction(0), *coefficients]
        scaled = [-root * c for c in coefficients] + [Fraction(0)]
        coefficients = [a + b for a, b in zip(shifted, scaled, strict=True)]
    return coefficients
