"""Data sets with central noise: true rows that never leave the store, and questions whose answers spend a budget."""
