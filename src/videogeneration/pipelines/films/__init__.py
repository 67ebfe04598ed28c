"""Trained generators become films: from one's own pictures, and from sentences alone."""
