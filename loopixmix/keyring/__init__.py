"""A node's mix keys and the replay tags that live as long as they do."""
