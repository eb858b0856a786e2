"""From decrypted rows to a result: choices, and who wins by each method."""
