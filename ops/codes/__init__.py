"""Words for objects: many of them in a few colour images, and back again."""
