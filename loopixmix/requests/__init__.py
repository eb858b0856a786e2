"""Requests to hosted services and their answers, as they lie in the payloads of packets.

`parts` and `answers` are version 2, of several packets each way; `coding` makes their shares. `single` is version 1, of
one packet each way. `names` has the requests to the `keys` service. Specification: docs/protocol/mailbox.md.
"""
