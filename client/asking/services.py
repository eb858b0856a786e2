"""What hosted services are asked for later, and how long it takes to ask them."""

from __future__ import annotations

from dataclasses import dataclass

from client.api import AnswerCallback, Following, TimeEstimate
from client.asking.answers import AnswerFeed, EndedRequests
from client.asking.posted import PostedRequests
from client.core.arguments import check_request_size
from client.feeds.failures import CallbackFailures
from client.link.session import Session
from client.sending.forecast import Forecast
from loopixmix.seams import Clock


@dataclass(frozen=True)
class Services:
    """The services of the network, as applications ask them."""

    posted: PostedRequests
    forecast: Forecast
    session: Session
    clock: Clock
    failures: CallbackFailures

    def on_answer(self, ended: EndedRequests, callback: AnswerCallback, *, after: int) -> Following:
        """Tell `callback` of the requests in `ended`; see `client.api.Client.on_answer`."""
        return self.posted.tell(AnswerFeed(ended, callback, clock=self.clock, after=after, failures=self.failures))

    def estimate(self, request_bytes: int, answer_bytes: int) -> TimeEstimate:
        """Return how long a request takes; raises as `client.api.Client.estimate_request`."""
        check_request_size(request_bytes)
        check_request_size(answer_bytes, of="an answer")
        return self.forecast.request(request_bytes, answer_bytes, self.session.registered().sphinx.geometry)
