"""The upkeep of a SQLite file's log of changes: emptied again and again, bounded, and missed when it is gone."""
