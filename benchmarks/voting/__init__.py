"""What the topic `votes` measures."""
