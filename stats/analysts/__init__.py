"""Analysts: who may look, export and spend budget, how they log in, and what they did."""
