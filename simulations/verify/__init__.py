"""Every figure of the literature that this simulator must give again, and whether it does."""
