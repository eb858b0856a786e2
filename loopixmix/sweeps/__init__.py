"""Many independent pieces of work: in processes of this machine, or on a Dask cluster that exists already.

A task is bytes, and its outcome is bytes, so that nothing but bytes travels. Commands that offer this call their
options `--jobs` and `--dask`: errors name these. `joblib` and `distributed` are extras of this distribution
(`simulate`, `cluster`); they are loaded only when they are needed.
"""
