"""What mail needs of a test network: two clients, and a bridge that serves both."""

from __future__ import annotations

from leap_plugin.directory.configuration import PORTS_FILE
from loopixmix.testnet.plan import Additions, PlannedClient, PlannedProgram, TestnetPlan, provider_name

BRIDGE = "mail-bridge"
PORT_OFFSETS = (90, 91)
"""The ports of SMTP and IMAP, from the base port of the network: a network has fewer nodes than that."""


def mail_additions(plan: TestnetPlan) -> Additions:
    """Return two accounts, `mail-alice` and `mail-bob`, and a bridge for them."""
    clients = (PlannedClient("mail-alice", 1), PlannedClient("mail-bob", min(2, plan.providers)))
    command = ["{python}", "-P", "-m", "loopixmix.main", "mail", "run", "{directory}"]
    for client in clients:
        command += ["--make", f"{client.name}@{provider_name(client.provider)}", f"{{network}}/{client.name}"]
    command += ["--ports", *(str(plan.base_port + offset) for offset in PORT_OFFSETS)]
    # Its ports, and not its status: that is good only when the accounts are registered, which is done last.
    bridge = PlannedProgram(BRIDGE, tuple(command), status_file=PORTS_FILE)
    return Additions(programs=(bridge,), clients=clients)
