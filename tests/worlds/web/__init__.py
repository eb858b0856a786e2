"""Pages in tests: an application with every kind of page, and browsers."""
