"""What providers keep and host."""
