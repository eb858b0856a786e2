"""The output of the commands, as rich renderables."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from client.api import (
    ClientStatus,
    Contact,
    MailDomain,
    MessageState,
    NamedReader,
    NetworkView,
    OutgoingMessage,
    PostedRequest,
    ReceivedMessage,
    StreamStatus,
    TimeEstimate,
    TokenStock,
    Verified,
)
from client.cli.actions import BodyFile
from client.cli.text import counted, duration, instant, plain_line, readable, size

INDENT = " " * 6
TEST_NETWORK = "a test network, for trying things on: it hides nobody"

STATE_WORDS = {
    MessageState.QUEUED: ("queued", "yellow", "waits for its turn"),
    MessageState.SENDING: ("sending", "yellow", "fragments leave with the payload stream"),
    MessageState.STORED: ("stored", "green", "the recipient's provider has all of it"),
    MessageState.RECEIVED: ("received", "bold green", "the recipient's own receipt"),
    MessageState.RETRYING: ("retrying", "yellow", "not acknowledged in time: sent again on new paths"),
    MessageState.FAILED: ("failed", "bold red", "given up"),
    MessageState.CANCELLED: ("cancelled", "yellow", "no more is sent"),
}


def status_view(status: ClientStatus) -> RenderableType:
    """Show what a client is doing."""
    head = _grid()
    address = f"a guest at {status.provider}" if status.guest else status.address
    head.add_row("address", Text(address or "not registered", style="bold" if address else "yellow"))
    if status.address:
        head.add_row("fingerprint", status.fingerprint)
    if status.test_network:
        head.add_row("network", Text(TEST_NETWORK, "yellow"))
    head.add_row("link", Text("connected", "green") if status.connected else Text("not connected", "red"))
    if status.problem:
        label, style = ("mind", "yellow") if status.connected else ("problem", "bold red")
        head.add_row(label, Text(plain_line(status.problem), style))
    head.add_row("epoch", str(status.epoch))
    head.add_row("to send", _queue(status))
    head.add_row("unread", counted(status.unread, "message"))
    head.add_row("delivery takes", f"about {duration(status.expected_delivery_s)} for a short message")
    head.add_row("own loops", _loops(status))
    return Group(head, Text(), _streams(status))


def network_view(network: NetworkView) -> RenderableType:
    """Show the providers of a network, their services, and their mail domains if there are any."""
    table = Table(box=None, padding=(0, 3, 0, 0), header_style="dim")
    # Folded: names that were cut could not be typed.
    table.add_column("provider", style="bold", overflow="fold")
    table.add_column("services", overflow="fold")
    has_domains = any(provider.domains for provider in network.providers)
    if has_domains:
        table.add_column("mail domains", overflow="fold")
    table.add_column("fingerprint", overflow="fold")
    for provider in network.providers:
        cells = [plain_line(provider.name), plain_line(" ".join(provider.services))]
        # One on each line: they are long, and the gateway that reads all mail to one belongs to it.
        cells += ["\n".join(map(_domain, provider.domains))] if has_domains else []
        table.add_row(*cells, provider.fingerprint)
    return Group(Text(TEST_NETWORK, "yellow"), Text(), table) if network.test_network else table


def _domain(domain: MailDomain) -> str:
    gateway = f" ({domain.gateway.partition('@')[0]})" if domain.gateway else ""
    return plain_line(f"{domain.domain}{gateway}")


def tokens_view(stocks: Sequence[TokenStock]) -> RenderableType:
    """Show how many tokens there are and are ordered."""
    if not stocks:
        return Text(
            "no tokens, and none ordered: order some with  loopixmix client tokens order DIR PROVIDER PURPOSE", "dim"
        )
    table = Table(box=None, padding=(0, 3, 0, 0), header_style="dim")
    table.add_column("purpose", style="bold")
    for heading in ("to spend", "resting", "ordered"):
        table.add_column(heading, justify="right")
    for stock in stocks:
        table.add_row(plain_line(stock.purpose), f"{stock.usable:,}", f"{stock.resting:,}", f"{stock.ordered:,}")
    return table


def sent_view(message: OutgoingMessage) -> RenderableType:
    """Show one outgoing message of a list."""
    word, style, _ = STATE_WORDS[message.state]
    head = Text.assemble(
        (f"{message.number:>4}  ", "cyan"),
        (instant(message.history[0].at_s) if message.history else "", "dim"),
        "  ",
        (word, style),
        f"  {size(message.length_bytes)} {plain_line(message.kind)} to ",
        (plain_line(message.to), "bold"),
    )
    told = message.history[-1].detail if message.history and message.state is MessageState.FAILED else ""
    lines = [head, Text.assemble(INDENT, (message.message_id, "dim"))]
    return Group(*lines, *([Text.assemble(INDENT, plain_line(told))] if told else []))


def message_view(message: OutgoingMessage) -> RenderableType:
    """Show an outgoing message with its history."""
    head = _grid()
    head.add_row("message", message.message_id)
    head.add_row("to", plain_line(message.to))
    head.add_row("kind", plain_line(message.kind))
    head.add_row("length", f"{size(message.length_bytes)} in {counted(message.fragments, 'fragment')}")
    head.add_row("sent", f"{message.fragments_sent:,} of {message.fragments:,}")
    head.add_row("acknowledged", f"{message.fragments_acknowledged:,} of {message.fragments:,}")
    history = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    for change in message.history:
        word, style, meaning = STATE_WORDS[change.state]
        history.add_row(Text(instant(change.at_s), "dim"), Text(word, style), plain_line(change.detail) or meaning)
    return Group(head, Text(), history)


def estimate_view(estimate: TimeEstimate) -> RenderableType:
    """Show how long a message would take."""
    rows = _grid()
    rows.add_row("on average", Text(duration(estimate.mean_s), "bold"))
    rows.add_row("mostly within", f"{duration(estimate.p95_s)} (19 of 20)")
    rows.add_row("waits", duration(estimate.queue_s))
    rows.add_row("leaves", f"{duration(estimate.sending_s)} in {counted(estimate.fragments, 'fragment')}")
    rows.add_row("is delivered", duration(estimate.delivery_s))
    return rows


def posted_line(request: PostedRequest) -> str:
    """Say where a posted request without an answer is."""
    if request.ended:
        return plain_line(request.problem)
    if request.answer_parts:
        return plain_line(f"{request.state.value}: {request.parts_received} of {request.answer_parts} parts came")
    return plain_line(f"{request.state.value}: {request.parts_sent} of {max(1, request.parts)} parts sent")


def queued_line(message: OutgoingMessage) -> Text:
    """Say where a message that was just sent is."""
    word, style, _ = STATE_WORDS[message.state]
    return Text.assemble(
        (word, style),
        f" for {plain_line(message.to)}: {size(message.length_bytes)} in {counted(message.fragments, 'fragment')}  ",
        (message.message_id, "dim"),
    )


def received_view(message: ReceivedMessage, *, file: BodyFile | None = None) -> RenderableType:
    """Show a received message; a body that is no text, or has a file, only by its length."""
    who = (
        Text("anonymous", "magenta")
        if message.sender is None
        else Text.assemble((plain_line(message.sender), "bold"), _doubt(message.verified))
    )
    head = Text.assemble(
        (f"{message.number:>4}  ", "cyan"), (instant(message.received_at_s), "dim"), "  ", who, f"  {message.kind}"
    )
    if message.reply_to:
        head.append(f"\n{INDENT}to answer, send to {plain_line(message.reply_to)}", "dim")
    text = None if file is not None else readable(message.body)
    if file is not None and file.is_other:
        body = Text(f"{size(len(message.body))}, not saved: another file is at {file.path}", "yellow")
    elif file is not None:
        body = Text(f"{size(len(message.body))}, saved as {file.path}", "green")
    elif text is None:
        body = Text(f"{size(len(message.body))} that are no text: use --save-dir", "yellow")
    else:
        body = Text(text.rstrip("\n"))
    lines = body.split("\n", allow_blank=True)
    return Group(head, *(Text.assemble(INDENT, line) for line in lines), Text())


def contacts_view(contacts: Sequence[Contact]) -> RenderableType:
    """Show all contacts."""
    if not contacts:
        return Text("no contacts yet: add one with  loopixmix client contacts DIR add NAME@PROVIDER", "dim")
    table = Table(box=None, padding=(0, 3, 0, 0), header_style="dim")
    table.add_column("address", style="bold", overflow="fold")
    table.add_column("fingerprint", overflow="fold")
    table.add_column("")
    for contact in contacts:
        table.add_row(plain_line(contact.address), contact.fingerprint, _trust(contact))
    return table


def readers_view(readers: Sequence[NamedReader]) -> RenderableType:
    """Show the readers that have a name."""
    if not readers:
        return Text("no program has read by a name yet", "dim")
    table = Table(box=None, padding=(0, 3, 0, 0), header_style="dim")
    table.add_column("name", style="bold", overflow="fold")
    table.add_column("kind", overflow="fold")
    for heading in ("waiting", "programs"):
        table.add_column(heading, justify="right")
    table.add_column("last used")
    for reader in readers:
        used = Text(instant(reader.used_at_s), "dim")
        table.add_row(reader.name, reader.kind, f"{reader.waiting:,}", f"{reader.programs:,}", used)
    return table


def contact_view(contact: Contact) -> RenderableType:
    """Show one contact, and what to do about it."""
    rows = _grid()
    rows.add_row("address", Text(plain_line(contact.address), "bold"))
    rows.add_row("fingerprint", contact.fingerprint)
    if contact.changed_fingerprint:
        rows.add_row("new key", Text(contact.changed_fingerprint, "red"))
    rows.add_row("key", _trust(contact))
    if contact.verified is Verified.COMPARED and not contact.changed_fingerprint:
        return rows
    advice = (
        "The key has changed, so nothing is sent. Ask your contact in another way, then accept the new key."
        if contact.changed_fingerprint
        else "Every name gets an answer, even one without an account: compare the fingerprint with the one that "
        "`loopixmix client status` tells them, then accept it."
    )
    return Group(rows, Text(), Text(advice, "dim"))


def _grid() -> Table:
    grid = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    return grid


def _queue(status: ClientStatus) -> str:
    if not status.queued_messages:
        return "nothing"
    return f"{counted(status.queued_messages, 'message')}, {counted(status.queued_fragments, 'fragment')}"


def _loops(status: ClientStatus) -> str:
    ended = status.loops_returned + status.loops_lost
    if not ended:
        return "none has come back yet"
    share = status.loops_returned / ended
    return f"{share:.1%} of {ended:,} came back, after {status.loop_round_trip_mean_s:.2f} s on average"


def _streams(status: ClientStatus) -> Table:
    table = Table(box=None, padding=(0, 3, 0, 0), header_style="dim")
    table.add_column("stream")
    table.add_column("rate", justify="right")
    table.add_column("sent", justify="right")
    table.add_column("")
    cover = status.payload.sent - status.real_sent
    notes = (
        f"{status.real_sent:,} real, {cover:,} cover",
        "through the network and back to us",
        "through the network, thrown away at its end",
    )
    streams: tuple[tuple[str, StreamStatus], ...] = (
        ("payload or drop", status.payload),
        ("loop", status.loop),
        ("drop", status.drop),
    )
    for (name, stream), note in zip(streams, notes, strict=True):
        table.add_row(name, f"{stream.rate_per_s:g}/s", f"{stream.sent:,}", Text(note, "dim"))
    return table


def _trust(contact: Contact) -> Text:
    if contact.changed_fingerprint:
        return Text("the key changed: nothing is sent", "bold red")
    if contact.verified is Verified.COMPARED:
        return Text("compared", "green")
    return Text("pinned, not compared", "yellow")


def _doubt(verified: Verified) -> tuple[str, str]:
    match verified:
        case Verified.COMPARED:
            return "", ""
        case Verified.PINNED:
            return " (key not compared)", "yellow"
        case Verified.UNKNOWN:
            return " (key not known)", "red"
