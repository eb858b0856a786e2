"""Local randomisers: exact integer probabilities, and nothing but integers in and out."""
