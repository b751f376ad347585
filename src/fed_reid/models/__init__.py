"""Plain torch networks: encoder, erasing module, diffusion module, memory, FED and its comparators."""
