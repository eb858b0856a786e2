"""What the parties of an election agree on: the record, its phases, signatures, transcripts and Merkle trees."""
