"""The credential authority: who may vote. It is apart from the board, so that the board cannot stuff ballots."""
