"""Forms: declared once, shown to a person, read from the body of a request within bounds."""
