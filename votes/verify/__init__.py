"""The verifier: from the published files to a verdict, without network, client or board."""
