"""The network document: signed descriptors in, one document an epoch out."""
