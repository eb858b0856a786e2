"""Simulations: the deployed nodes in virtual time, numpy for millions of users, closed forms; one scenario for all."""
