"""Results for programs: JSON under /v1, with bearer tokens."""
