"""Figures fit for print: of results, of papers again, of measured against simulated networks."""
