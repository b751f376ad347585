"""A trained network as a file that other programs run, and beside it what they have to know."""
