"""Raw recordings or scenes become captioned clips."""
