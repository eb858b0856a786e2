"""One hop of a packet: unwrapped, checked for replay, held for its delay, sent on."""
