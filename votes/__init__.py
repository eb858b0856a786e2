"""Elections that anyone can verify, cast over the mix network.

The folders follow an election: its record, the ballots, the board that keeps them, the shuffles that part ballots from
voters, the trustees who decrypt, the tally, and the verifier that needs none of the programs.
"""
