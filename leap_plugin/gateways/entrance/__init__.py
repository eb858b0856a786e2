"""From a connection of another mail server until the mail is sealed to its recipient."""
