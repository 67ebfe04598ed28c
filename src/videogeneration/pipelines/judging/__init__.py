"""Judges: trained, where a source's judge has a network, and given to all that marks films."""
