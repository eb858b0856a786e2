"""A result as it is published: `result.json`, and CSV, page and PDF made from it."""
