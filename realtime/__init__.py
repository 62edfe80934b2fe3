"""keycam live: sources of frames, the tracker, sinks, and the loop that joins them."""
