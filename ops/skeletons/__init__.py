"""Skeletons of segmented objects: trees of nodes along their middle."""
