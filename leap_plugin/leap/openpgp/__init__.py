"""OpenPGP as LEAP uses it: certificates, what an Incoming Box holds, and how keys are asked for by mail."""
