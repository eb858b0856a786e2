"""What happens to a mail from its arrival until it is in a folder."""
