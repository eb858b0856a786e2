"""The dashboard: results as pages, files and JSON, served by the program of the collector."""
