"""What a scenario implies before any engine runs: rates, load, times, money, and which mixes are corrupt."""
