"""The original's network, ours, and variants of it, after the same minutes on the same clips."""
