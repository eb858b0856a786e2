"""Settings that contradict each other, whichever engine is asked: all rules in one place.

Each rule takes a scenario and yields at most one line that names the keys. What a single engine cannot do is refused
by its own `check`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

from simulations.scenario.values import Scenario

SECONDS_A_DAY = 86_400.0
ROUNDING = 1e-6
"""How far a product of a share and a number may be from a whole number and mean it."""
SETTLING_MEANS = 3.0
"""After how many mean delays a stage that was empty holds 95 % of what it holds in the end."""

Rule: TypeAlias = Callable[[Scenario], Iterator[str]]


def contradictions(scenario: Scenario) -> Iterator[str]:
    """Yield what cannot be meant: settings of which each is in its range and that do not go together."""
    for rule in RULES:
        yield from rule(scenario)


def remarks(scenario: Scenario) -> Iterator[str]:
    """Yield what can be meant but biases what is measured, as whole sentences without figures."""
    stages = scenario.topology.layers + (1 if scenario.topology.providers else 0)
    path_s = stages * scenario.mix.delay_mean_s
    if scenario.run.warm_up_s < SETTLING_MEANS * path_s:
        yield (
            "run.warm_up_s is below three mean path delays: pools that begin empty, and what depends on them, come out "
            "too small."
        )
    if scenario.run.drain_s < SETTLING_MEANS * path_s:
        yield (
            "run.drain_s is below three mean path delays: packets that are still on their way at the end are left out, "
            "and latencies come out too short."
        )
    corrupt = scenario.corruption.share * scenario.topology.layers * scenario.topology.mixes_per_layer
    if abs(corrupt - round(corrupt)) > ROUNDING:
        yield "corruption.share of all mixes is no whole number of them: the nearest is taken."


def _weights_fit_the_layers(scenario: Scenario) -> Iterator[str]:
    topology = scenario.topology
    lists, layers, width = len(topology.mix_weights), topology.layers, topology.mixes_per_layer
    if lists not in (0, 1, layers):
        yield (
            f"topology.mix_weights has {lists} lists: it may have none, one for all layers, or topology.layers "
            f"({layers}) of them, one for each layer"
        )
    for weights in topology.mix_weights:
        if len(weights) > width:
            yield (
                f"topology.mix_weights has a list of {len(weights)} weights, more than topology.mixes_per_layer "
                f"({width})"
            )
            return


def _somebody_is_online(scenario: Scenario) -> Iterator[str]:
    online = scenario.users.count * scenario.users.online_share
    if online < 1:
        yield (
            f"users.count ({scenario.users.count}) x users.online_share ({scenario.users.online_share:g}) is "
            f"{online:g}, less than one user online"
        )


def _somebody_sends(scenario: Scenario) -> Iterator[str]:
    traffic = scenario.traffic
    if not traffic.payload_rate_per_s + traffic.loop_rate_per_s + traffic.drop_rate_per_s:
        yield (
            "traffic.payload_rate_per_s, traffic.loop_rate_per_s and traffic.drop_rate_per_s are all 0: "
            "no user sends anything"
        )


def _others_to_write_to(scenario: Scenario) -> Iterator[str]:
    users = scenario.users
    if users.messages_per_day > 0 and users.named and users.contacts >= users.named:
        named = f"users.count ({users.count})" + (f" less the {users.guests} guests" if users.guests else "")
        yield f"users.contacts ({users.contacts}) must be below {named}: contacts are other users with names"


def _messages_get_out(scenario: Scenario) -> Iterator[str]:
    users, traffic = scenario.users, scenario.traffic
    wanted = _message_packets_per_s(scenario)
    sent = traffic.payload_rate_per_s * users.online_share
    if wanted > sent:
        yield (
            f"users.messages_per_day ({users.messages_per_day:g}) x users.packets_per_message "
            f"({users.packets_per_message}) is {wanted:.3g} packets per second, more than traffic.payload_rate_per_s x "
            f"users.online_share sends ({sent:.3g}): what waits would grow for ever"
        )


def _pulls_get_everything(scenario: Scenario) -> Iterator[str]:
    """A user's own loops and answers come while it is linked; messages of others at any time."""
    traffic, share = scenario.traffic, scenario.users.online_share
    if not scenario.topology.providers:
        return
    arriving = share * (traffic.payload_rate_per_s + traffic.loop_rate_per_s) + _message_packets_per_s(scenario)
    pulled = share * traffic.pull_rate_per_s * traffic.pull_batch
    if arriving > pulled:
        yield (
            f"traffic.pull_rate_per_s ({traffic.pull_rate_per_s:g}) x traffic.pull_batch ({traffic.pull_batch}) gets "
            f"{pulled:.3g} packets per second and user, but {arriving:.3g} arrive (answers, loops and messages, from "
            f"traffic.payload_rate_per_s, traffic.loop_rate_per_s and users.messages_per_day): mailboxes would grow "
            f"for ever"
        )


def _services_are_hosted(scenario: Scenario) -> Iterator[str]:
    if scenario.requests is not None and not scenario.topology.providers:
        yield "[requests] asks services that providers host, and topology.providers is 0"


def _requests_get_out(scenario: Scenario) -> Iterator[str]:
    if scenario.requests is not None and not scenario.traffic.payload_rate_per_s:
        yield "[requests] leaves with the payload stream, and traffic.payload_rate_per_s is 0"


def _targets_are_sent(scenario: Scenario) -> Iterator[str]:
    run, users, traffic = scenario.run, scenario.users, scenario.traffic
    sent = users.count * users.online_share * traffic.payload_rate_per_s * run.duration_s
    if run.targets > sent:
        yield (
            f"run.targets ({run.targets}) is more than the payload packets that all users send in run.duration_s "
            f"({sent:.4g}, from users.count, users.online_share and traffic.payload_rate_per_s)"
        )


def _loops_show_the_attack(scenario: Scenario) -> Iterator[str]:
    if scenario.attacks.n_minus_one is None:
        return
    if not scenario.topology.providers:
        yield "attacks.n_minus_one is judged by the nodes' own loops, which topology.providers = 0 does without"
    elif not scenario.traffic.node_loop_rate_per_s:
        yield "attacks.n_minus_one is judged by the nodes' own loops: traffic.node_loop_rate_per_s must be above 0"


def _somebody_drops(scenario: Scenario) -> Iterator[str]:
    if scenario.attacks.dropping is not None and not scenario.corruption.share:
        yield "attacks.dropping is what corrupt mixes do: corruption.share must be above 0"


def _weeks_hold_rounds(scenario: Scenario) -> Iterator[str]:
    disclosure = scenario.attacks.disclosure
    if disclosure is not None and disclosure.round_s > disclosure.days * SECONDS_A_DAY:
        yield (
            f"attacks.disclosure.round_s ({disclosure.round_s:g}) is longer than attacks.disclosure.days "
            f"({disclosure.days:g}): not one round is seen"
        )


def _message_packets_per_s(scenario: Scenario) -> float:
    return scenario.users.messages_per_day * scenario.users.packets_per_message / SECONDS_A_DAY


RULES: tuple[Rule, ...] = (
    _weights_fit_the_layers,
    _somebody_is_online,
    _somebody_sends,
    _others_to_write_to,
    _messages_get_out,
    _pulls_get_everything,
    _services_are_hosted,
    _requests_get_out,
    _targets_are_sent,
    _loops_show_the_attack,
    _somebody_drops,
    _weeks_hold_rounds,
)
