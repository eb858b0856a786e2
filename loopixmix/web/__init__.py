"""HTTP within bounds: `sites` serves it, `calls` asks by it, a connection for each request."""
