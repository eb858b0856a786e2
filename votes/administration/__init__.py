"""The administrator: plans an election, freezes its record, and signs its steps."""
