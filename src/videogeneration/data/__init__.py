"""Clips, the windows that networks learn from, and first frames."""
