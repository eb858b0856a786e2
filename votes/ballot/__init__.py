"""Ballots: from a choice to ciphertexts with a proof, and the checks of them."""
