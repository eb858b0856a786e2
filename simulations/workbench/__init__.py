"""The workbench: sweeps and replicates, performed and kept so that they repeat and resume."""
