"""Images in, features out: what a trained network does for somebody who may not know what it is."""
