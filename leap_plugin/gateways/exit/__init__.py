"""From an order that came through the network until a relay has the mail."""
