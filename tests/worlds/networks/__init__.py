"""Networks in memory: from documents and links to shipped mixes and providers, with faults at the wires."""
