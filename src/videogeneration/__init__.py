"""Videogeneration: a first frame and a sentence become a film."""
