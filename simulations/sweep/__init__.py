"""A sweep: a scenario becomes points, one for each combination of values, and each point becomes tasks."""
