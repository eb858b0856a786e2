"""Counters of relays: nodes split their noisy counts between collectors, none of which sees a node's count."""
