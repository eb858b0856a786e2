"""An authority: takes descriptors and signs the network document."""
