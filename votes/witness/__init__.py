"""A witness at another provider: it remembers the heads that a board signed, so that a board cannot show two logs."""
