"""The other end of the board's public face: a published election loaded, and announcements handed in."""
