"""Small scenarios, engines and results, and the page of plans."""
