"""What leaves and when: payloads, loops, drop cover, pulls."""
