"""Where packets go: who may follow whom, and the path that a sender draws."""
