"""The streams towards the provider: payloads, loops, drop cover, pulls."""
