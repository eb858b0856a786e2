"""Each version of the store of data sets."""
