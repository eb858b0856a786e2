"""What mail is kept of: folders and messages, the queue of outgoing mail, pieces that wait for others."""
