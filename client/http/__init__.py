"""The daemon's local HTTP interface. Specification: docs/protocol/local-api.md."""
