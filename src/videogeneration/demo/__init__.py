"""A page on which everybody can try the trained networks."""
