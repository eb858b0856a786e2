"""What both ends of a service's socket do alike: whole messages are heard, and nothing after a wrong one."""

from __future__ import annotations

import pytest
from twisted.internet.testing import StringTransport

from loopixmix.errors import ConfigError, FormatError, LoopixmixError
from provider.serving.ends import SocketEnd
from provider.serving.frames import FromProvider, Greeting, Published, encode_frame, from_provider

HELLO, DONE = Greeting(1, bytes(32), "poll"), Published(1, True)


class NotingEnd(SocketEnd[FromProvider]):
    """Notes what it hears, and refuses what a test says."""

    def __init__(self) -> None:
        super().__init__(from_provider)
        self.noted: list[object] = []
        self.error: LoopixmixError | None = None

    def heard(self, message: FromProvider) -> None:
        self.noted.append(message)
        if self.error is not None:
            raise self.error

    def refused(self, trouble: str) -> None:
        self.noted.append(trouble)

    def ended(self, trouble: str | None) -> None:
        self.noted.append(("ended", trouble))


@pytest.fixture
def end() -> NotingEnd:
    made = NotingEnd()
    made.makeConnection(StringTransport())
    return made


def test_messages_are_heard_one_by_one_however_they_come(end: NotingEnd) -> None:
    for byte in encode_frame(HELLO) + encode_frame(DONE):
        end.dataReceived(bytes([byte]))
    end.connectionLost()
    assert end.noted == [HELLO, DONE, ("ended", None)]


@pytest.mark.parametrize(
    ("error", "trouble"),
    [
        (FormatError("not its turn"), "it breaks the protocol: not its turn"),
        (ConfigError("of another provider"), "of another provider"),
    ],
)
def test_after_a_refusal_nothing_is_heard_or_said(end: NotingEnd, error: LoopixmixError, trouble: str) -> None:
    end.error = error
    end.send(HELLO)
    end.dataReceived(encode_frame(HELLO) + encode_frame(DONE))
    end.dataReceived(encode_frame(DONE))
    end.send(DONE)
    end.connectionLost()
    assert end.noted == [HELLO, trouble, ("ended", trouble)]
    transport = end.transport
    assert isinstance(transport, StringTransport)
    assert transport.value() == encode_frame(HELLO)
    assert transport.disconnected


@pytest.mark.parametrize("data", [b"\xff\xff\xff\xff", b"\0\0\0\1x", b"\0\0\0\2\x91\xa0"])
def test_what_is_no_message_is_refused(end: NotingEnd, data: bytes) -> None:
    end.dataReceived(data + encode_frame(HELLO))
    assert len(end.noted) == 1
    assert str(end.noted[0]).startswith("it breaks the protocol: ")
