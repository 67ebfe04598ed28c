"""Classical image processing: backgrounds, foregrounds, correlation."""
