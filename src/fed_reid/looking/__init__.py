"""What a trained network does with a few images, ready to be drawn: where it looks, what it erases, what it finds."""
