"""Between the network and ordinary mail: exits and entrances."""
