"""The verdict on a conversation, from itself and from the nodes' own counts. No I/O."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from client.api import ClientStatus
from client.demo.sample import MAX_OVERHEAD_S, Sample, gamma_check
from client.demo.scenario import Conversation
from loopixmix.observing.status import NodeStatus
from loopixmix.params import NetworkParams
from loopixmix.verdict import Check, Verdict, verdict

DEMO_S, MEMORY_MB = 60.0, 1500.0
MAX_DROPPED_SHARE = 0.001
MAX_LOST_LOOPS_SHARE = 0.02


def judge(
    conversation: Conversation,
    begin: Mapping[str, NodeStatus],
    end: Mapping[str, NodeStatus],
    params: NetworkParams,
    *,
    further: Sequence[Check] = (),
    demo_s: float,
    memory_mb: float,
) -> Verdict:
    """Return what passed, what failed, and the figures.

    `begin` and `end` are what the nodes said of themselves before and after the conversation; `further` is what other
    parts of the demo found.
    """
    nodes = list(end.values())
    loops = loops_between(begin, end)
    checks = [
        *_delivery(conversation),
        *_latency(conversation, loops, overhead_between(begin, end), params),
        *_protection(conversation, nodes, params),
        *further,
        _limit("demo time", demo_s, DEMO_S, "s"),
        _limit("memory of all processes", memory_mb, MEMORY_MB, "MB"),
    ]
    figures = {
        "demo_s": demo_s,
        "demo_memory_mb": memory_mb,
        "delivered_share": conversation.texts_received / conversation.texts_sent,
        "text_mean_s": _mean(conversation.text_times_s),
        "file_s": conversation.file_time_s,
        "echo_s": conversation.echo_time_s,
        "mix_loop_mean_s": loops.mean_s,
        "mix_loop_sd_s": loops.sd_s,
        "mix_loop_overhead_s": overhead_between(begin, end),
        "cover_share": cover_share((conversation.alice, conversation.bob)),
        "entropy_bits_min": min((node.entropy_bits for node in nodes if node.role == "mix"), default=0.0),
        "packets_dropped": float(sum(_drops(nodes).values())),
    }
    return verdict(checks, figures)


def cover_share(clients: Iterable[ClientStatus]) -> float:
    """Return which share of all packets that the clients sent was cover."""
    sent = real = 0
    for client in clients:
        sent += client.payload.sent + client.loop.sent + client.drop.sent
        real += client.real_sent
    return 1 - real / sent if sent else 0.0


def mix_loops(nodes: Mapping[str, NodeStatus]) -> dict[str, Sample]:
    """Return the round trips of each mix's own loops: `layers` delays each, and no pull at the end."""
    return {
        name: Sample(
            count=node.loops.returned,
            mean_s=node.loops.all_mean_s,
            squares_s2=node.loops.all_squares_s2,
        )
        for name, node in nodes.items()
        if node.role == "mix"
    }


def loops_between(begin: Mapping[str, NodeStatus], end: Mapping[str, NodeStatus]) -> Sample:
    """Return the round trips of all mixes' loops between two moments, pooled.

    Loops from before `begin` are left out: they also waited for links that were just being made.
    """
    before = mix_loops(begin)
    pooled = Sample()
    for name, sample in mix_loops(end).items():
        pooled = pooled.plus(sample.since(before.get(name, Sample())))
    return pooled


def overhead_between(begin: Mapping[str, NodeStatus], end: Mapping[str, NodeStatus]) -> float:
    """Return how long the mixes' loops took between two moments beyond their drawn delays: the mean in seconds."""
    mixes = [(begin[name].loops, node.loops) for name, node in end.items() if node.role == "mix" and name in begin]
    count = sum(after.returned - before.returned for before, after in mixes)
    total_s = sum(
        after.returned * after.all_overhead_mean_s - before.returned * before.all_overhead_mean_s
        for before, after in mixes
    )
    return total_s / count if count else 0.0


def expected_entropy_bits(node: NodeStatus, params: NetworkParams, uptime_s: float) -> float:
    """Return log2(e lambda theta), the entropy of one exponential mix (Danezis 2004, equation 13)."""
    arrivals = node.packets_in / uptime_s * params.delay_mean_s
    return math.log2(math.e * arrivals) if arrivals > 0 else 0.0


def _delivery(conversation: Conversation) -> list[Check]:
    texts = f"{conversation.texts_received} of {conversation.texts_sent}"
    return [
        Check(
            name="messages both ways",
            passed=conversation.texts_received == conversation.texts_sent and conversation.texts_intact,
            value=texts if conversation.texts_intact else f"{texts}, not all as they were sent",
            expected=f"{conversation.texts_sent} of {conversation.texts_sent}",
            detail="each once, signed by the pinned key, byte for byte",
        ),
        Check(
            name="1 MB file",
            passed=conversation.file_intact,
            value=f"{'intact' if conversation.file_intact else 'missing or changed'}, {conversation.file_time_s:.1f} s",
            expected="intact",
            detail=f"{conversation.file_fragments} packets, each acknowledged through a reply block",
        ),
        Check(
            name="short message after the file",
            passed=conversation.overtaking_s > 0,
            value=f"{conversation.overtaking_s:.1f} s before the file",
            expected="before the file",
            detail="queued after it; messages take turns",
        ),
        Check(
            name="anonymous request",
            passed=conversation.echoed,
            value=f"answered in {conversation.echo_time_s:.1f} s" if conversation.echoed else "no answer",
            expected="answered",
            detail="service echo, answered through a reply block",
        ),
        Check(
            name="anonymous message",
            passed=conversation.anonymous_answered,
            value="answered" if conversation.anonymous_answered else "no answer",
            expected="answered",
            detail="without sender or signature, answered through a reply block",
        ),
    ]


def _latency(conversation: Conversation, loops: Sample, overhead_s: float, params: NetworkParams) -> list[Check]:
    pull_s = 1 / params.pull_rate_per_s
    # A short message has two packets; the second follows one payload interval later, and the later one counts.
    floor_s = (params.layers + 1) * params.delay_mean_s
    ceiling_s = MAX_OVERHEAD_S + 2 * floor_s + 2 * pull_s + 4 / params.payload_rate_per_s
    mean_s = _mean(conversation.text_times_s)
    return [
        gamma_check(
            f"mix loops against Gamma({params.layers})",
            loops,
            shape=params.layers,
            delay_mean_s=params.delay_mean_s,
            overhead_s=overhead_s,
            detail="own loops of all mixes",
        ),
        Check(
            name=f"messages against Gamma({params.layers + 1})",
            passed=floor_s <= mean_s <= ceiling_s,
            value=f"{mean_s * 1000:.0f} ms mean",
            expected=f"{floor_s * 1000:.0f} ms a packet, and a pull",
            detail=f"a pull adds {pull_s * 500:.0f} ms; a message has several packets and waits for the last: "
            f"at most {ceiling_s * 1000:.0f} ms passes",
        ),
    ]


def _protection(conversation: Conversation, nodes: Sequence[NodeStatus], params: NetworkParams) -> list[Check]:
    share = cover_share((conversation.alice, conversation.bob))
    drops = _drops(nodes)
    total_in = sum(node.packets_in for node in nodes)
    mixes = [node for node in nodes if node.role == "mix"]
    expected = [expected_entropy_bits(mix, params, mix.written_at_s - mix.started_at_s) for mix in mixes]
    measured = [mix.entropy_bits for mix in mixes]
    # The first seconds of a network, before all links stand, cost a few: hence a share and not none.
    sent = sum(mix.loops.sent for mix in nodes if mix.role != "authority")
    lost = sum(mix.loops.lost for mix in nodes if mix.role != "authority")
    dropped = ", ".join(f"{count} {reason}" for reason, count in drops.most_common()) or "none"
    return [
        Check(
            name="cover",
            passed=0 < share < 1,
            value=f"{share:.0%} of what clients sent",
            expected="some",
            detail="loops, drop cover, and payload ticks with nothing to say; real, loop and drop look alike",
        ),
        Check(
            name="entropy of the mixes",
            passed=bool(measured) and min(measured) > 0 and _mean(measured) > _mean(expected) - 1.0,
            value=f"{_mean(measured):.1f} bits, least {min(measured, default=0):.1f}",
            expected=f"{_mean(expected):.1f} bits",
            detail="measured live (Loopix, A.1) against log2(e lambda theta)",
        ),
        Check(
            name="packets dropped",
            passed=sum(drops.values()) <= MAX_DROPPED_SHARE * total_in,
            value=dropped,
            expected=f"at most {MAX_DROPPED_SHARE:.1%} of {total_in:,}",
            detail="by reason, all nodes",
        ),
        Check(
            name="loops lost",
            passed=sent > 0 and lost <= MAX_LOST_LOOPS_SHARE * sent,
            value=f"{lost} of {sent}",
            expected=f"at most {MAX_LOST_LOOPS_SHARE:.0%}",
            detail="own loops of mixes and providers",
        ),
    ]


def _limit(name: str, value: float, most: float, unit: str) -> Check:
    return Check(name=name, passed=value <= most, value=f"{value:,.0f} {unit}", expected=f"at most {most:,.0f} {unit}")


def _drops(nodes: Iterable[NodeStatus]) -> Counter[str]:
    drops: Counter[str] = Counter()
    for node in nodes:
        drops.update(node.dropped)
    return drops


def _mean(values: Sequence[float]) -> float:
    return statistics.fmean(values) if values else 0.0
