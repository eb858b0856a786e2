"""What the tests stand on: networks in memory, clients, mailboxes, and second implementations to compare with.

`networks`: documents, links, shipped mixes and providers, and faults at their wires. `clients`: a world for clients,
and their API in memory. `mailboxes`: stores of providers. `packets`: Sphinx and messages written a second time, from
the pages. `simulations`: small scenarios. `toys`: engines of one's own. `commands`: the command line, quickly.
"""
