"""Parameter groups and learning rates, plain torch."""
