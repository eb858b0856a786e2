"""Mail: a local bridge for mail programs, and gateways to ordinary mail."""
