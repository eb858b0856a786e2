"""HTTP within bounds, and pages: `sites` serves, `calls` asks; `showing`, `forms` and `visiting` make pages."""
