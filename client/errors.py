"""The errors that applications meet, by what they can do about them. Applications import them from `client.api`.

The first line of each docstring is fit to show to a user.
"""

from __future__ import annotations

from loopixmix.errors import LoopixmixError, MisuseError, PeerError, UnavailableError


class ClientError(LoopixmixError):
    """The client cannot do this."""


class UnknownContactError(ClientError, MisuseError):
    """There is no contact of that address; add it first."""


class UnknownServiceError(ClientError, MisuseError):
    """No provider of this network offers that service."""


class TooLongError(ClientError, MisuseError):
    """The body is over the size limit."""


class BadRequestError(ClientError, MisuseError):
    """An argument has the wrong form."""


class KeyChangedError(ClientError, PeerError):
    """The contact's key is not the one that was pinned; nothing is sent until you accept the new one."""


class NoTokenError(ClientError, MisuseError):
    """There is no token for this purpose that may be spent now; order some ahead."""


class NotRegisteredError(ClientError, MisuseError):
    """This client has no account at a provider yet; register first."""


class RegistrationRefusedError(ClientError, PeerError):
    """The provider refused the registration."""


class QueueFullError(ClientError, MisuseError):
    """The queue of messages to send is full; wait until some have left."""


class ConflictError(ClientError, MisuseError):
    """That idempotency key was used for something else."""


class UnknownMessageError(ClientError, MisuseError):
    """There is no message of that id."""


class UnknownRequestError(ClientError, MisuseError):
    """There is no posted request of that id, or it was forgotten."""


class UnknownReaderError(ClientError, MisuseError):
    """There is no reader of that name for that kind."""


class TooManyReadersError(ClientError, MisuseError):
    """There are as many named readers as there may be; remove one first."""


class WrongStateError(ClientError, MisuseError):
    """The message or request is in a state in which this cannot be done."""


class RequestTimeoutError(ClientError, UnavailableError):
    """No answer came in time; the request may or may not have been carried out."""


class ServiceFailedError(ClientError, PeerError):
    """The service answered that it could not carry out the request."""


class NotRunningError(ClientError, UnavailableError):
    """The client daemon is not running."""


class NoClientError(ClientError, MisuseError):
    """There is no client in that directory; make one first."""


class BusyError(ClientError, UnavailableError):
    """The client daemon serves as many calls as it can; try again in a moment."""


class ForbiddenError(ClientError, MisuseError):
    """The client daemon refused the token or the origin of the call."""
