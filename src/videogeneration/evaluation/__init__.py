"""Scores one can trust: image metrics, baselines, caption following, pictures."""
