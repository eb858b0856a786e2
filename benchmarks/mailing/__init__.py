"""What mail over the network reaches: measured on a test network with bridges and mail programs."""
