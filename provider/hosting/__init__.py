"""Hosting: services are found by their entry points, and asked."""
