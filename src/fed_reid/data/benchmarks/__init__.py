"""What a benchmark is, as data, and the readers that list its files: nothing here opens an image."""
