"""Shuffles: rows of ciphertexts leave in another order and in other words, with a proof that nothing else happened.

The proof is that of Terelius and Wikström (2010), as docs/protocol/votes.md, section 6, writes it down byte for byte.
All here is bytes and numbers in, bytes out. `votes/mixing/` does it on files.
"""
