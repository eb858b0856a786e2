"""A voter's side: the credential from the code, the record from the board, the ballot, its casting, and its receipt."""
