"""What mail shows in `loopixmix demo`."""
