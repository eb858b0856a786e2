"""A whole election over a network on this machine, told step by step: `loopixmix vote demo`."""
