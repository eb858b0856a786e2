"""Messages on their way out: taken, stored, sent in turns, sent again."""
