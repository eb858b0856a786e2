"""The commands of loopixmix mail, without the reactor."""
