"""The command line of the client: a thin client of the daemon's local API. `client.main` has the commands."""
