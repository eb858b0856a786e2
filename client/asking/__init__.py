"""Questions to hosted services: requests, contacts looked up, the account opened."""
