"""An application with every kind of thing that a page may show, and a program that serves it.

`python -m tests.worlds.web.gallery [tls]` prints one-time links, one for each line that it reads.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable

from twisted.internet import reactor, stdio
from twisted.protocols.basic import LineReceiver
from twisted.web.resource import Resource
from twisted.web.server import Request
from twisted.web.template import Tag

from loopixmix.errors import PeerError, UnavailableError
from loopixmix.net.sockets import TcpSockets
from loopixmix.web.forms.fields import ChoiceField, FileField, NumberField, Option, PickField, SeveralField, TextField
from loopixmix.web.forms.forms import Form
from loopixmix.web.showing.charts import (
    Caption,
    ChartBar,
    ChartBin,
    ChartPoint,
    Series,
    bar_chart,
    histogram,
    line_chart,
)
from loopixmix.web.showing.frame import MenuEntry
from loopixmix.web.showing.heatmaps import heat_map
from loopixmix.web.showing.markup import element, items, notice, paragraph, section
from loopixmix.web.showing.tables import table
from loopixmix.web.visiting.answers import Download, SeeOther, Shown
from loopixmix.web.visiting.gate import Entrance, PageGate
from loopixmix.web.visiting.links import OneTimeLinks
from loopixmix.web.visiting.policy import WebOrigin
from loopixmix.web.visiting.routes import PageRoutes
from loopixmix.web.visiting.server import PageServer, page_factory
from loopixmix.web.visiting.sessions import SessionLimits, WebSessions
from loopixmix.web.visiting.visit import Visit
from tests.worlds.web.certificates import self_signed

NAME = TextField("name", "Your name", description="As it is to stand in the report.", longest=40)
MOTTO = TextField("motto", "A few words", lines=3, longest=400, required=False)
AGE = NumberField("age", "Age in years", least=0, most=130)
SEASON = ChoiceField(
    "season",
    "Which season is the best?",
    [
        Option("spring", "Spring"),
        Option("summer", "Summer", "Long evenings, and a great many mosquitoes near water."),
        Option("autumn", "Autumn"),
        Option("winter", "Winter"),
    ],
    description="Choose one.",
)
FRUIT = SeveralField(
    "fruit", "Which fruit do you like?", [Option(name, name.title()) for name in ("apple", "pear", "quince")], most=2
)
TOWN = PickField(
    "town",
    "Where were you born?",
    [Option(name.lower(), name) for name in ("Aarhus", "Bergen", "Cork")],
    required=False,
)
PHOTO = FileField("photo", "A picture", longest_bytes=1000, description="At most 1,000 bytes.", accept="image/png")
SURVEY = Form(NAME, MOTTO, AGE, SEASON, FRUIT, TOWN, submit="Send the answers")
POSTING = Form(PHOTO, submit="Send the picture")


class Gallery:
    """The application."""

    app = PageRoutes()
    title = "Gallery"
    places = (MenuEntry("/", "Charts"), MenuEntry("/survey", "Survey"), MenuEntry("/picture", "Picture"))

    def __init__(self) -> None:
        self.carried_out: list[str] = []

    @app.page("/")
    def charts(self, visit: Visit) -> Shown:
        """Show every kind of chart and text."""
        done = notice("Your answers were taken.") if "done" in visit.query.texts else ""
        return Shown("Charts", [done, *CHARTS, section("A table", *TABLES)])

    @app.page("/survey", methods=["GET", "POST"])
    async def survey(self, visit: Visit) -> Shown | SeeOther:
        """Ask, and take the answers."""
        filled = None
        if visit.form is not None:
            filled = SURVEY.read(visit.form)
            if filled.is_good:
                self.carried_out.append(filled.value(NAME))
                return SeeOther("/?done=1")
        return Shown("Survey", SURVEY.show(visit.form_token, filled), status=200 if filled is None else 422)

    @app.page("/picture", methods=["GET", "POST"])
    def picture(self, visit: Visit) -> Shown:
        """Take a file and tell how long it is."""
        if visit.form is None:
            return Shown("Picture", POSTING.show(visit.form_token))
        filled = POSTING.read(visit.form)
        if not filled.is_good:
            return Shown("Picture", POSTING.show(visit.form_token, filled), status=422)
        return Shown("Picture", paragraph(f"It has {len(filled.value(PHOTO).body)} bytes."))

    @app.page("/taken")
    def taken(self, visit: Visit) -> Shown:
        """Tell whose answers were taken."""
        return Shown("Taken", items(*self.carried_out))

    @app.page("/record/<name>.csv")
    def record(self, visit: Visit, name: str) -> Download:
        """Give a file."""
        return Download(f"{name}.csv", "text/csv; charset=utf-8", b"a,b\r\n1,2\r\n")

    @app.page("/fails/<kind>")
    def fails(self, visit: Visit, kind: str) -> Shown:
        """Fail."""
        match kind:
            case "away":
                raise UnavailableError("the provider cannot be reached")
            case "peer":
                raise PeerError("the service answered <b>nonsense</b>")
            case _:
                raise RuntimeError("a secret detail")

    @app.page("/hostile")
    def hostile(self, visit: Visit) -> Shown:
        """Show what somebody hostile entered."""
        text = "<script>document.title = 'taken'</script>"
        return Shown(text, [paragraph(text), items(text), element("p", "x", title='"><script>1</script>')])


def _wave(shift: float, factor: float) -> tuple[ChartPoint, ...]:
    heights = [2.1, 2.9, 4.4, 5.0, 6.8, 7.4, 9.1]
    return tuple(
        ChartPoint(x, shift + factor * y, (shift + factor * y - 0.6, shift + factor * y + 0.7))
        for x, y in enumerate(heights)
    )


CHARTS: list[Tag] = [
    bar_chart(
        Caption(
            title="Votes for each proposal",
            description="The playground leads with 1,204 of 2,486 votes. Lines show 95 % intervals.",
            x="proposal",
            y="votes",
        ),
        [
            ChartBar("A playground behind the old fire station, with water", 1204, (1150, 1262)),
            ChartBar("More trees", 731, (690, 770)),
            ChartBar("A bicycle road to the railway station and the school", 498, (455, 540)),
            ChartBar("None of these", 53, (38, 70)),
        ],
    ),
    histogram(
        Caption(title="Ages", description="Most are between 30 and 50 years old.", x="age in years", y="people"),
        [ChartBin(10.0 * n, 10.0 * n + 10, count) for n, count in enumerate([3, 12, 45, 130, 122, 60, 31, 14, 2])],
    ),
    line_chart(
        Caption(
            title="Waiting for an answer",
            description="Waits grow with the load; those of the fast network more slowly. Lines show 95 % intervals.",
            x="load, requests/s",
            y="mean wait, s",
        ),
        [Series("default rates", _wave(0.5, 1.0)), Series("fast network", _wave(0.2, 0.5))],
    ),
]
CHARTS.append(
    heat_map(
        Caption(title="Where bicycles stand", description="Most stand in the middle.", x="west to east", y="north"),
        [
            [max(0.0, 9.0 - (x - 7) ** 2 / 4 - (y - 4) ** 2) if (x, y) != (3, 3) else None for x in range(16)]
            for y in range(9)
        ],
        ["cell", "bicycles"],
        [("in the middle", 9), ("at the station", 5.75)],
    )
)
TABLES: list[Tag] = [
    table(
        "What each machine did",
        ["machine", "role", "packets", "dropped", "mean delay, s"],
        [("mix-1", "mix of the first layer", 128_044, 3, 0.5021), ("provider-2", "provider", 1_044, 0, 1.25)],
    )
]


class Asked(LineReceiver):
    """Prints a link for each line."""

    delimiter = b"\n"

    def __init__(self, make_link: Callable[[], str]) -> None:
        self._make_link = make_link

    def lineReceived(self, line: bytes) -> None:
        print(self._make_link(), flush=True)

    def connectionLost(self, reason: object = None) -> None:
        if reactor.running:
            reactor.stop()


def serve_on_loopback() -> Callable[[], str]:
    """Serve the gallery for the person at this machine."""
    server = PageServer(
        sockets=TcpSockets(reactor), clock=reactor, rng=random.SystemRandom(), how=lambda name: f"Ask for {name}."
    )
    server.start()
    server.add("gallery", Gallery())
    return lambda: server.link("gallery")


def serve_over_tls() -> Callable[[], str]:
    """Serve the gallery for everybody who has a link, at https://board.example."""
    rng = random.SystemRandom()
    host = _LateHost()
    port = reactor.listenSSL(0, page_factory(host, clock=reactor), self_signed("board.example"), interface="127.0.0.1")
    entrance = Entrance(
        OneTimeLinks(clock=reactor, rng=rng),
        WebSessions(SessionLimits(), clock=reactor, rng=rng),
        "Ask the operator.",
    )
    origin = WebOrigin.parse(f"https://board.example:{port.getHost().port}")
    host.gate = PageGate(Gallery(), origin=origin, entrance=entrance)
    return host.gate.link


class _LateHost(Resource):
    """Leads to a gate that is made once the port is known."""

    isLeaf = True  # noqa: N815
    gate: PageGate

    def render(self, request: Request) -> bytes | int:
        return self.gate.render(request)


def main() -> None:
    """Serve until standard input ends."""
    stdio.StandardIO(Asked(serve_over_tls() if sys.argv[1:] == ["tls"] else serve_on_loopback()))
    reactor.run()


if __name__ == "__main__":
    main()
