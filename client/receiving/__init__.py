"""Messages on their way in: put together, stored, handed to applications."""
