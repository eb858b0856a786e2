"""The commands of those who answer: people and devices."""
