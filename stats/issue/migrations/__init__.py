"""The history of the store of an issuer of surveys."""
