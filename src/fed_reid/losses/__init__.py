"""One file a loss, and the criterion that weighs them."""
