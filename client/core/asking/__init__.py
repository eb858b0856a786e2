"""What the client's side of a request decides: which part leaves next, and when its answer is complete."""
