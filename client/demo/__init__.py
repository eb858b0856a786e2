"""`loopixmix demo`: a whole local network, used for real, with a verdict."""
