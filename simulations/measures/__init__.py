"""Measures, and their estimates over many replicates."""
