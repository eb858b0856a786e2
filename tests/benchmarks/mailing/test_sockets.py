"""Lines of strace: those that lead to the network and the mail program, and all others."""

from __future__ import annotations

import pytest

from benchmarks.mailing.sockets import leads_elsewhere

TO = '12 connect(7, {sa_family=AF_INET, sin_port=htons(%d), sin_addr=inet_addr("%s")}, 16) = -1 EINPROGRESS'


@pytest.mark.parametrize(
    ("line", "elsewhere"),
    [
        (TO % (31360, "127.0.0.1"), False),
        (TO % (53, "127.0.0.1"), True),
        (TO % (31360, "192.0.2.1"), True),
        ('3 sendto(9, "x", 1, 0, {sa_family=AF_INET, sin_port=htons(53), sin_addr=inet_addr("127.0.0.53")}, 16)', True),
        (
            "3 connect(9, {sa_family=AF_INET6, sin6_port=htons(443), sin6_flowinfo=htonl(0), "
            'inet_pton(AF_INET6, "2001:db8::1", &sin6_addr), sin6_scope_id=0}, 28) = 0',
            True,
        ),
        ('4 connect(5, {sa_family=AF_UNIX, sun_path="/var/run/nscd/socket"}, 110) = -1 ENOENT', True),
        ('4 sendto(11, "\\27\\3\\3", 3, 0, NULL, 0) = 3', False),
    ],
)
def test_where_a_call_leads(line: str, elsewhere: bool) -> None:
    assert leads_elsewhere(line, {31360}) is elsewhere
