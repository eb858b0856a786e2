"""The consequences of a scenario before any engine runs: rates, load, times, cost, and which mixes are corrupt."""
