"""A scenario as values: what is simulated, whichever engine does it. Every key has its unit in its name."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from client.api import MAX_TIMEOUT_S
from loopixmix.errors import MisuseError
from loopixmix.requests.parts import MAX_BODY_BYTES

Positive = Annotated[float, msgspec.Meta(gt=0, le=1e9)]
NotNegative = Annotated[float, msgspec.Meta(ge=0, le=1e9)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Probability = Annotated[float, msgspec.Meta(gt=0, lt=1)]
Count = Annotated[int, msgspec.Meta(ge=1, le=1_000_000_000)]
Seed = Annotated[int, msgspec.Meta(ge=0, le=2**62)]


LEAST_BODY_BYTES = 8
"""Bodies of simulated requests and answers begin with a number of so many bytes."""


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One table of a scenario file."""


class Topology(Section, frozen=True, kw_only=True):
    """The nodes. `providers = 0`: users send to the first layer themselves, as in the papers' models.

    `mix_weights`: how often senders choose each mix, in proportion to the others of its layer; who is corrupt does not
    matter. A list for each layer, or one for all of them, with the weights of a layer's first mixes; mixes that it
    leaves out weigh 1, and so do all if there is no list. `[[6]]` sends 6/15 of ten mixes' packets to the first one.
    Deployed clients choose every mix alike, so that only `exact` and `vector` know weights.
    """

    layers: Annotated[int, msgspec.Meta(ge=1, le=64)] = 3
    mixes_per_layer: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = 3
    providers: Annotated[int, msgspec.Meta(ge=0, le=100_000)] = 2
    mix_weights: tuple[tuple[Positive, ...], ...] = ()


class Users(Section, frozen=True, kw_only=True):
    """Who uses the network, and what they have to say.

    `online_share`: the share of users that is linked at any moment; sessions last `session_mean_s`, and what lies
    between them follows. `messages_per_day`: a Poisson process of each user; each message is `packets_per_message`
    packets to one of the user's `contacts`, who are other users chosen uniformly. `guests_share`: the share of users
    whose accounts have no name; nobody can write to them first, and they only ask services.
    """

    count: Count = 1000
    online_share: Annotated[float, msgspec.Meta(gt=0, le=1)] = 1.0
    session_mean_s: Positive = 14_400.0
    messages_per_day: NotNegative = 40.0
    packets_per_message: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 2
    contacts: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 10
    guests_share: Share = 0.0

    @property
    def guests(self) -> int:
        """How many users are guests."""
        return round(self.guests_share * self.count)

    @property
    def named(self) -> int:
        """How many users have names, and write to each other."""
        return self.count - self.guests


class RequestLoad(Section, frozen=True, kw_only=True):
    """Users ask a hosted service, as applications do: `client.api.Client.request`.

    Each user asks, waits for the answer, pauses, and asks again; pauses are exponential with mean `pause_mean_s`. Any
    provider may be asked, and each has the service. `work_s`: how long the service takes over a request.
    """

    request_bytes: Annotated[int, msgspec.Meta(ge=LEAST_BODY_BYTES, le=MAX_BODY_BYTES)] = 1000
    answer_bytes: Annotated[int, msgspec.Meta(ge=LEAST_BODY_BYTES, le=MAX_BODY_BYTES)] = 1000
    pause_mean_s: Positive = 600.0
    work_s: NotNegative = 0.0
    timeout_s: Annotated[float, msgspec.Meta(gt=0, le=MAX_TIMEOUT_S)] = 600.0


class Traffic(Section, frozen=True, kw_only=True):
    """Rates of one user's streams, of one node's loops, and of pulls.

    `replies`: payloads and loops, and the cover in place of payloads, are answered through a reply block, as the
    deployed code does; false for the papers' models.
    """

    payload_rate_per_s: NotNegative = 2.0
    loop_rate_per_s: NotNegative = 0.5
    drop_rate_per_s: NotNegative = 0.5
    node_loop_rate_per_s: NotNegative = 1.0
    pull_rate_per_s: Positive = 1.0
    pull_batch: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 9
    replies: bool = True


class Mix(Section, frozen=True, kw_only=True):
    """How a node mixes: each packet waits an exponential time of this mean."""

    delay_mean_s: Annotated[float, msgspec.Meta(gt=0, le=86_400)] = 0.2


class Links(Section, frozen=True, kw_only=True):
    """How long a packet is on a link, and how often it gets lost there.

    `constant`: `latency_s`. `uniform`: `low_s` to `high_s`, drawn for each packet. `geographic`: great-circle
    distance x 1.5 at 0.005 ms/km between towns of `area` that are drawn for nodes and users, and `last_mile_s` for
    each end that is a user. `quantiles`: drawn for each packet between the given (probability, seconds) points.
    `matrix`: from the file `matrix` (relative to where the program is started), between places that are drawn for
    nodes and users; what is in it say `matrix_format`, `matrix_unit`, `matrix_round_trip` (halved then) and
    `matrix_column` (of a table of pairs with a header); pairs without an entry are refused, filled with the median,
    or the places that lack most are dropped; entries of two directions are kept, averaged, or refused if they
    differ.
    """

    model: Literal["constant", "uniform", "geographic", "quantiles", "matrix"] = "constant"
    latency_s: NotNegative = 0.0
    low_s: NotNegative = 0.010
    high_s: NotNegative = 0.100
    last_mile_s: NotNegative = 0.005
    area: Literal["world", "europe", "north_america"] = "world"
    quantiles: tuple[tuple[Share, NotNegative], ...] = ()
    matrix: str = ""
    matrix_format: Literal["auto", "square", "pairs", "p2psim", "ripe_atlas", "npy"] = "auto"
    matrix_unit: Literal["s", "ms", "us"] = "s"
    matrix_round_trip: bool = False
    matrix_column: str = ""
    matrix_missing: Literal["refuse", "median", "drop"] = "refuse"
    matrix_asymmetry: Literal["keep", "mean", "refuse"] = "keep"
    loss: Annotated[float, msgspec.Meta(ge=0, lt=1)] = 0.0

    def __post_init__(self) -> None:
        if self.model == "uniform" and self.low_s > self.high_s:
            raise MisuseError(f"links.low_s ({self.low_s}) is above links.high_s ({self.high_s})")
        if self.model == "quantiles" and len(self.quantiles) < 2:
            raise MisuseError('links.model = "quantiles" needs links.quantiles: two or more (probability, seconds)')
        if self.quantiles != tuple(sorted(self.quantiles)) or any(
            later[1] < earlier[1] for earlier, later in zip(self.quantiles, self.quantiles[1:], strict=False)
        ):
            raise MisuseError("links.quantiles must rise, both the probabilities and the seconds")
        if (self.model == "matrix") != bool(self.matrix):
            raise MisuseError('links.matrix (a file) and links.model = "matrix" go together')


class Processors(Section, frozen=True, kw_only=True):
    """What a node can do: `unwrap_s` seconds of one of `cores` for each packet; 0 is a processor without limits.

    `waiting_packets`: how many wait to be unwrapped; `held_packets`: how many wait for their delay. More are dropped.
    """

    unwrap_s: NotNegative = 0.0
    cores: Annotated[int, msgspec.Meta(ge=1, le=1024)] = 1
    waiting_packets: Count = 4096
    held_packets: Count = 65_536


class Packets(Section, frozen=True, kw_only=True):
    """The packets. `cryptography`: whether the `nodes` engine makes real Sphinx packets or leaves the ciphers out."""

    payload_bytes: Annotated[int, msgspec.Meta(ge=1280, le=32_768)] = 2048
    cryptography: bool = False


class Corruption(Section, frozen=True, kw_only=True):
    """Which mixes the adversary runs: the share of all mixes, how they lie, and what is routed through them.

    `balanced`: the same number in each layer. `random`: anywhere. `heaviest`: balanced, and in each layer those mixes
    that `topology.mix_weights` makes the heaviest. `favoured`: balanced, and senders favour them whatever the weights
    say: of each layer's packets `routed_share` goes through its corrupt mixes. Deployed clients choose every mix alike,
    so that only `exact` and `vector` know `favoured`.
    """

    share: Share = 0.0
    placement: Literal["balanced", "random", "heaviest", "favoured"] = "balanced"
    routed_share: Share = 0.4


class Run(Section, frozen=True, kw_only=True):
    """How long and how often. What is measured begins after `warm_up_s` and lasts `duration_s`; packets that set out
    then are waited for during `drain_s`, in which traffic goes on. `targets`: packets whose entropy is followed.
    """

    duration_s: Positive = 60.0
    warm_up_s: NotNegative = 10.0
    drain_s: NotNegative = 10.0
    replicates: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = 5
    targets: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] = 100


class SeedChoice(Section, frozen=True, kw_only=True):
    """One seed for everything, or seeds of single subsystems of their own; each replicate draws new ones from them."""

    root: Seed = 1
    topology: Seed | None = None
    users: Seed | None = None
    traffic: Seed | None = None
    mixing: Seed | None = None
    links: Seed | None = None
    corruption: Seed | None = None
    attacks: Seed | None = None
    measures: Seed | None = None
    requests: Seed | None = None


class Prices(Section, frozen=True, kw_only=True):
    """What machines and traffic cost, and when that was so: prices without a date are worth nothing."""

    date: str = "2026-11-01"
    currency: str = "EUR"
    core_month: NotNegative = 8.0
    traffic_gb: NotNegative = 0.001


class NMinusOne(Section, frozen=True, kw_only=True):
    """The n-1 attack: of all packets to one mix only the target passes, with dummies of the adversary's own.

    `false_alarm_rate`: what the detector may raise without an attack, for one window of `window_loops` loops.
    `lost_share`: the loss of loops that an honest network shows.
    """

    window_loops: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = 50
    lost_share: Share = 0.05
    false_alarm_rate: Probability = 1e-6
    blocked_share: Share = 1.0


class Fifo(Section, frozen=True, kw_only=True):
    """Guessing that the first packet in is the first out, at one mix."""

    trials: Count = 100_000


class Disclosure(Section, frozen=True, kw_only=True):
    """Statistical disclosure and intersection: who is it that Alice writes to? From who is online, and what arrives."""

    days: Annotated[float, msgspec.Meta(gt=0, le=3660)] = 28.0
    round_s: Positive = 60.0
    messages_per_day: NotNegative = 4.0
    cover: bool = True


class FlowMatching(Section, frozen=True, kw_only=True):
    """Finding where a long transfer ends by the times of its packets (MixMatch, PoPETs 2024.2)."""

    packets: Annotated[int, msgspec.Meta(ge=1, le=10_000_000)] = 500
    candidates: Annotated[int, msgspec.Meta(ge=2, le=1_000_000)] = 100
    trials: Count = 200
    spread: bool = True


class Dropping(Section, frozen=True, kw_only=True):
    """Corrupt mixes drop packets, to see who sends again or goes silent, and to isolate users."""

    drop_share: Share = 1.0


class Attacks(Section, frozen=True, kw_only=True):
    """What the adversary does; each table that is there is one attack."""

    n_minus_one: NMinusOne | None = None
    fifo: Fifo | None = None
    disclosure: Disclosure | None = None
    flow_matching: FlowMatching | None = None
    dropping: Dropping | None = None


class Unlinkability(Section, frozen=True, kw_only=True):
    """Measure epsilon, how much likelier one of two users is to have sent a message than the other (Loopix 4.3).

    Both have a payload to send every `payload_period_s`, which must be longer than their payload streams' mean gap;
    after `observed_s` the adversary looks into the last layer. `repetitions`: in each replicate.
    """

    repetitions: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = 100
    payload_period_s: Positive = 1.0
    observed_s: Positive = 100.0


class Scenario(Section, frozen=True, kw_only=True):
    """All of it. `simulations.scenario.load_scenario` reads one from a TOML file."""

    name: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$")] = "scenario"
    description: str = ""
    topology: Topology = Topology()
    users: Users = Users()
    requests: RequestLoad | None = None
    traffic: Traffic = Traffic()
    mix: Mix = Mix()
    links: Links = Links()
    processors: Processors = Processors()
    packets: Packets = Packets()
    corruption: Corruption = Corruption()
    attacks: Attacks = Attacks()
    unlinkability: Unlinkability | None = None
    run: Run = Run()
    seeds: SeedChoice = SeedChoice()
    prices: Prices = Prices()
