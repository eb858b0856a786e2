"""The links of clients, and how they get an account."""
