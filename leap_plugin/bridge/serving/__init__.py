"""IMAP sessions on sockets: threads in which they work, time-outs, and how many there may be."""
