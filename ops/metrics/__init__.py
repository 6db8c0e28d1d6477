"""Every metric of the field, each under a named convention.

All are pure functions of arrays. What can be counted block by block is (`contingency`, `pixels`),
so that volumes larger than memory are scored exactly; docs/metrics.md has every formula.
"""
