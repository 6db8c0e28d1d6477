"""Merge errors made by program, and objects without one that look as much like them as can be."""
