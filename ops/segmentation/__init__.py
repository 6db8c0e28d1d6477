"""From boundary maps to segments: distances, watershed, region graphs and their agglomeration."""
