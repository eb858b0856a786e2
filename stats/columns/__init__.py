"""The column store: released reports, in DuckDB or ClickHouse, one table for each kind of report of a survey."""
