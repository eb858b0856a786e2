"""What a node tells of itself: counts, entropy, metrics, status."""
