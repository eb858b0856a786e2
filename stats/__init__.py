"""Private statistics over the mix network: reports that nobody can link to a person, answered at once.

A report is randomised where it is made (`randomise`), travels anonymously with a blind token (`report`, `answer`),
waits until enough others wait with it (`collect`), and is counted (`estimate`). `account` says what all of it gives
away. Specification: docs/protocol/stats.md.
"""
