"""The collector: reports are checked, held, permuted, and appended to a column store."""
