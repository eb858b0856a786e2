"""One provider process that is asked: its requests a second, its packets' lateness, and kills under load."""
