"""A DNS server on loopback with records that a test has written down."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

TTL_S = 60


@contextmanager
def dns_server(port: int, texts: Mapping[str, str]) -> Iterator[None]:
    """Answer for TXT records, and say that all other names do not exist."""
    stopped = threading.Event()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", port))
        server.settimeout(0.2)
        thread = threading.Thread(target=_serve, args=(server, texts, stopped))
        thread.start()
        try:
            yield
        finally:
            stopped.set()
            thread.join()


def _serve(server: socket.socket, texts: Mapping[str, str], stopped: threading.Event) -> None:
    while not stopped.is_set():
        try:
            packet, peer = server.recvfrom(4096)
        except TimeoutError:
            continue
        query = dns.message.from_wire(packet)
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        [question] = query.question
        name = question.name.to_text(omit_final_dot=True).lower()
        if name not in texts:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        elif question.rdtype == dns.rdatatype.TXT:
            words = " ".join(f'"{texts[name][at : at + 200]}"' for at in range(0, len(texts[name]), 200))
            answer.answer.append(dns.rrset.from_text(question.name, TTL_S, "IN", "TXT", words))
        server.sendto(answer.to_wire(), peer)
