"""Clients: a whole world for them, single parts of one, and their API over sockets in memory."""
