"""What LEAP's programs and servers speak, in front of the same queue."""
