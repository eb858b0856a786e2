"""The command line, one module a role."""
