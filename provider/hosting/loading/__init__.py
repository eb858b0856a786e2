"""Hosted services: found by their entry points, made, and judged before they are asked."""
