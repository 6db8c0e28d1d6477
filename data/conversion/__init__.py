"""Conversion of a volume into another format or place: whole or not at all, and resumable."""
