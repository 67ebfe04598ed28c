"""Sentences become first frames."""
