"""Reading motion from frames by classical means."""
