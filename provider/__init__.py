"""The first and last hop: accounts, mailboxes and hosted services."""
