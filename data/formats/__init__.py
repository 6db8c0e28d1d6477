"""How volumes lie on disk: one file per format, and the metadata that they share."""
