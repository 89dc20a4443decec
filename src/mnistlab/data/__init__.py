"""What to learn from: images with labels, where they come from, how they are split."""
