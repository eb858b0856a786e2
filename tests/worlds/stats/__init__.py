"""Of private statistics: reports, surveys, stores."""
