"""The keys of this provider's accounts by name: looked up by anybody, published by their owners."""

from __future__ import annotations

from loopixmix.errors import FormatError
from loopixmix.requests.names import LookUp, Publish, decode_keys_request
from provider.api import ServiceContext, ServiceRefusedError


class KeysService:
    """Answers a look-up with a card, and a publication with nothing."""

    name = "keys"

    def __init__(self, context: ServiceContext) -> None:
        """`context`: its key directory is the one that is asked."""
        self._keys = context.keys

    async def answer(self, body: bytes) -> bytes:
        """Return the card of a name (for an unknown one a decoy), or put one there."""
        try:
            request = decode_keys_request(body)
        except FormatError as error:
            raise ServiceRefusedError("not a request to the keys service") from error
        match request:
            case LookUp(name):
                return await self._keys.card(name)
            case Publish():
                # One refusal for an unknown name, another's key and an old version: the difference would tell who
                # has an account here.
                if not await self._keys.publish(request):
                    raise ServiceRefusedError("not published")
                return b""
