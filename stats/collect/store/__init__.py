"""What the collector knows besides the reports that wait: surveys, batches, spent tokens, counts."""
