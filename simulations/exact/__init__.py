"""The closed forms: what theory says of a scenario, at once, with where it holds."""
