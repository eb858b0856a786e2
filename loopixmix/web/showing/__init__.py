"""What a page shows: HTML that escapes by construction, tables, charts, and the frame around them."""
