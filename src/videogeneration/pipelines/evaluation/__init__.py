"""Generators become films and scores."""
