"""The workbench: sweeps and replicates, on this machine or a cluster, kept so that they repeat and resume."""
