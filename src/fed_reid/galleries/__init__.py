"""Between a model, a gallery index and the user's files: embeds a gallery, measures a threshold, tells of hits."""
