"""Results: outcomes kept in a folder, read back, put into tables, and shown."""
