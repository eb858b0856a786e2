"""The side of a LEAP provider: a client of the network that delivers into its users' Incoming Boxes."""
