"""The voter's page: choose, look at the ballot, cast or challenge it, look for it on the board."""
