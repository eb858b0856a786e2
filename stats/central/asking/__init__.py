"""Questions to data sets in SQL: read, held against what is allowed, and made values."""
