"""What the pages of the dashboard show: charts, maps, tables, panels."""
