"""What answers give away: the shuffle accountant, from the batches really released."""
