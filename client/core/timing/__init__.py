"""Times that are computed: when a message begins to leave, and how long it takes."""
