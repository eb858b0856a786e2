"""What happens to a mail from its submission until its author knows what became of it."""
