"""TlsNetwork with real TLS over connections in memory: time moves by a clock and nothing is left at the end."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator

import pytest
from twisted.internet.protocol import Protocol

from loopixmix.drops import DropReason, RefusalReason
from loopixmix.errors import MisuseError
from loopixmix.net.links.peer import Dialling, Idle, Linked, Resting
from loopixmix.net.links.tls import LinkLimits, PeerAddress
from loopixmix.net.network import LinkNetwork
from loopixmix.wire import FrameFormat, Pull
from tests.worlds.networks.links import FORMAT, LinkWorld, Node, PipeEnd, packet_frame


@pytest.fixture
def world() -> Iterator[LinkWorld]:
    world = LinkWorld()
    yield world
    world.stop()


def connect_stranger(world: LinkWorld, address: PeerAddress) -> tuple[Protocol, PipeEnd]:
    """Open a bare connection to a node, without TLS."""
    near, far = world.sockets.pipe()
    stranger = Protocol()
    near.protocol = stranger
    far.protocol = world.sockets.listeners[address].buildProtocol(far.getPeer())
    stranger.makeConnection(near)
    if far.protocol is None:
        far.abortConnection()
    else:
        far.protocol.makeConnection(far)
    return stranger, near


def test_it_is_the_network_that_services_ask_for(world: LinkWorld) -> None:
    assert isinstance(world.node("alice").network, LinkNetwork)


def test_frames_go_there_and_back(world: LinkWorld) -> None:
    alice, bob = world.node("alice"), world.node("bob").listen()
    alice.dial(bob)
    assert not alice.network.is_open(bob.id)
    world.settle()
    assert alice.network.is_open(bob.id)
    assert bob.network.is_open(alice.id)
    assert alice.network.send(bob.id, packet_frame(1))
    world.settle()
    assert bob.inbox.calls == [(alice.id, [packet_frame(1)])]
    assert bob.network.send(alice.id, packet_frame(2))
    world.settle()
    assert alice.inbox.calls == [(bob.id, [packet_frame(2)])]


def test_two_nodes_that_dial_each_other_send_on_their_own_links(world: LinkWorld) -> None:
    alice, bob = world.node("alice").listen(), world.node("bob").listen()
    alice.dial(bob)
    bob.dial(alice)
    world.settle()
    assert alice.observer.opened() == bob.observer.opened() == 2
    for number in range(3):
        assert alice.network.send(bob.id, packet_frame(number))
        assert bob.network.send(alice.id, packet_frame(10 + number))
    world.settle()
    assert (alice.inbox.numbers(), bob.inbox.numbers()) == ([10, 11, 12], [0, 1, 2])
    first, second = world.sockets.pipes
    assert [len(near.writes) > len(far.writes) for near, far in (first, second)] == [True, True]


def test_while_our_own_link_is_missing_the_peers_link_is_used(world: LinkWorld) -> None:
    alice, bob = world.node("alice").listen(), world.node("bob")
    alice.dial(bob)
    bob.dial(alice)
    world.settle()
    assert alice.network.is_open(bob.id)
    assert alice.network.send(bob.id, packet_frame(1))
    world.settle()
    assert bob.inbox.numbers() == [1]


def test_the_frames_of_one_turn_leave_in_one_write(world: LinkWorld) -> None:
    alice, bob = world.node("alice"), world.node("bob").listen()
    alice.dial(bob)
    world.settle()
    near, _ = world.sockets.pipes[0]
    del near.writes[:]
    for number in range(5):
        alice.network.send(bob.id, packet_frame(number))
    assert near.writes == []
    world.settle()
    assert len(near.writes) == 1
    assert bob.inbox.numbers() == [0, 1, 2, 3, 4]


def test_frames_wait_for_the_first_link(world: LinkWorld) -> None:
    alice, bob = world.node("alice", limits=LinkLimits(waiting_frames=2)), world.node("bob").listen()
    alice.dial(bob)
    assert [alice.network.send(bob.id, packet_frame(number)) for number in range(3)] == [True, True, False]
    world.settle()
    assert bob.inbox.numbers() == [0, 1]
    assert alice.observer.drops() == Counter({DropReason.NO_LINK: 1})


def test_a_frame_for_a_stranger_is_a_counted_drop(world: LinkWorld) -> None:
    alice = world.node("alice")
    assert not alice.network.send(b"x" * 32, packet_frame(1))
    assert alice.observer.drops() == Counter({DropReason.NO_LINK: 1})


def test_a_frame_of_the_wrong_size_is_our_mistake(world: LinkWorld) -> None:
    alice = world.node("alice")
    with pytest.raises(MisuseError):
        alice.network.send(b"x" * 32, b"short")


def test_a_node_never_dials_itself(world: LinkWorld) -> None:
    alice = world.node("alice").listen()
    alice.dial(alice)
    world.settle()
    assert world.sockets.dialled == []


def test_a_peer_that_does_not_read_costs_frames_of_its_own_only(world: LinkWorld) -> None:
    alice = world.node("alice", limits=LinkLimits(queue_frames=50))
    bob, carol = world.node("bob").listen(), world.node("carol").listen()
    alice.dial(bob, carol)
    world.settle()
    deaf = next(far for near, far in world.sockets.pipes if bob.observer.opened() and far.protocol is not None)
    deaf.deaf = True
    taken = 0
    for number in range(200):
        taken += alice.network.send(bob.id, packet_frame(number))
        assert alice.network.send(carol.id, packet_frame(number))
        world.settle()
    assert carol.inbox.numbers() == list(range(200))
    assert alice.observer.drops() == Counter({DropReason.QUEUE_FULL: 200 - taken})
    assert 50 < taken < 120
    deaf.hear()
    world.settle()
    assert bob.inbox.numbers() == list(range(taken))


def test_a_client_that_does_not_read_gets_no_more_than_its_queue(world: LinkWorld) -> None:
    provider = world.node("provider").listen()
    [client] = clients_of(world, provider, 1)
    provider.network.vouch(client.id, queue_frames=20)
    world.sockets.pipes[0][0].deaf = True
    taken = 0
    for number in range(200):
        taken += provider.network.send(client.id, packet_frame(number))
        world.settle()
    assert 20 < taken < 70
    assert provider.observer.drops() == Counter({DropReason.QUEUE_FULL: 200 - taken})
    world.sockets.pipes[0][0].abortConnection()
    world.settle()
    assert provider.observer.drops()[DropReason.NO_LINK] == 20


def test_a_peer_that_is_not_there_is_dialled_again_with_growing_jittered_waits(world: LinkWorld) -> None:
    limits = LinkLimits(backoff_first_s=1.0, backoff_longest_s=8.0)
    alice, bob = world.node("alice", limits=limits), world.node("bob")
    alice.dial(bob)
    problem = alice.network.problem(bob.id)
    assert problem is not None
    assert problem.startswith("no link to bob.example:9000: ")
    for _ in range(10_000):
        world.clock.advance(0.01)
    times = [time_s for time_s, _ in world.sockets.dialled]
    waits = [later - earlier for earlier, later in itertools.pairwise(times)]
    bounds = [1.0, 2.0, 4.0] + [8.0] * len(waits)
    assert len(waits) > 10
    assert all(0 <= wait <= bound + 0.02 for wait, bound in zip(waits, bounds, strict=False))
    assert len({round(wait, 1) for wait in waits}) > 5
    bob.listen()
    world.clock.advance(8.0)
    assert alice.network.is_open(bob.id)
    assert alice.network.problem(bob.id) is None


def test_a_broken_link_is_made_again(world: LinkWorld) -> None:
    alice, bob = world.node("alice"), world.node("bob").listen()
    alice.dial(bob)
    world.settle()
    world.sockets.pipes[0][0].abortConnection()
    world.settle()
    assert not alice.network.is_open(bob.id)
    assert not bob.network.is_open(alice.id)
    assert alice.observer.closed() == bob.observer.closed() == 1
    assert alice.network.send(bob.id, packet_frame(7))
    world.clock.advance(0.25)
    assert bob.inbox.numbers() == [7]


def test_only_a_link_that_held_begins_the_backoff_anew(world: LinkWorld) -> None:
    limits = LinkLimits(backoff_first_s=0.001, backoff_longest_s=1000.0, stable_s=10.0)
    alice, bob = world.node("alice", limits=limits), world.node("bob").listen()
    alice.dial(bob)
    world.settle()
    for _ in range(18):
        world.sockets.pipes[-1][0].abortConnection()
        world.settle()
        (call,) = world.clock.getDelayedCalls()
        world.clock.advance(call.getTime() - world.clock.seconds())
        assert alice.network.is_open(bob.id)
    assert world.clock.seconds() > 5
    world.clock.advance(10.0)
    held_until_s = world.clock.seconds()
    world.sockets.pipes[-1][0].abortConnection()
    world.settle()
    (call,) = world.clock.getDelayedCalls()
    assert call.getTime() - held_until_s <= 0.001


def test_an_impostor_is_refused_and_never_sees_our_certificate(world: LinkWorld) -> None:
    alice, bob, mallory = world.node("alice"), world.node("bob"), world.node("mallory").listen()
    alice.network.set_peers({bob.id: mallory.address})
    world.settle()
    assert alice.observer.refusals()[RefusalReason.WRONG_KEY] == 1
    assert mallory.observer.opened() == alice.observer.opened() == 0
    assert "another key" in (alice.network.problem(bob.id) or "")
    # Had the handshake come to its end, it would count a peer that left without a Hello.
    assert mallory.observer.refusals() == Counter({RefusalReason.TLS_FAILED: 1})


def test_a_peer_that_is_not_admitted_is_refused(world: LinkWorld) -> None:
    world.admitted = set()
    alice, bob = world.node("alice"), world.node("bob").listen()
    alice.dial(bob)
    world.settle()
    assert bob.observer.refusals() == Counter({RefusalReason.UNKNOWN_KEY: 1})
    assert alice.observer.refusals() == Counter({RefusalReason.REFUSED_BY_PEER: 1})
    assert alice.observer.opened() == bob.observer.opened() == 0


def test_a_peer_of_another_network_is_refused(world: LinkWorld) -> None:
    alice, bob = world.node("alice", network_id=b"another network!"), world.node("bob").listen()
    alice.dial(bob)
    world.settle()
    assert bob.observer.refusals() == Counter({RefusalReason.OTHER_NETWORK: 1})
    assert alice.observer.refusals() == Counter({RefusalReason.REFUSED_BY_PEER: 1})


def test_a_peer_of_another_geometry_is_refused(world: LinkWorld) -> None:
    alice, bob = world.node("alice", frame_format=FrameFormat(1500, 1200)), world.node("bob").listen()
    alice.dial(bob)
    world.settle()
    assert bob.observer.refusals() == Counter({RefusalReason.OTHER_NETWORK: 1})


def test_garbage_on_a_link_ends_that_link(world: LinkWorld) -> None:
    alice, bob, carol = world.node("alice"), world.node("bob").listen(), world.node("carol")
    alice.dial(bob)
    carol.dial(bob)
    world.settle()
    alice.network.send(bob.id, b"\xff" * FORMAT.frame_bytes)
    carol.network.send(bob.id, packet_frame(1))
    world.settle()
    assert bob.observer.refusals() == Counter({RefusalReason.GARBAGE: 1})
    assert not bob.network.is_open(alice.id)
    assert bob.inbox.calls == [(carol.id, [packet_frame(1)])]


def test_a_connection_that_says_nothing_is_ended_in_time(world: LinkWorld) -> None:
    bob = world.node("bob", limits=LinkLimits(handshake_timeout_s=3.0)).listen()
    _, near = connect_stranger(world, bob.address)
    world.clock.advance(2.9)
    assert not near.lost
    world.clock.advance(0.2)
    assert near.lost
    assert bob.observer.refusals() == Counter({RefusalReason.TIMEOUT: 1})


def test_a_listener_that_says_nothing_is_given_up_in_time(world: LinkWorld) -> None:
    alice, bob = world.node("alice", limits=LinkLimits(handshake_timeout_s=3.0)), world.node("bob").listen()
    alice.dial(bob)
    near_and_far = world.sockets.pipes
    world.clock.callLater(0, lambda: setattr(near_and_far[0][1], "deaf", True))
    world.settle()
    world.clock.advance(3.1)
    assert alice.observer.refusals() == Counter({RefusalReason.TIMEOUT: 1})


@pytest.mark.parametrize("noise", [b"GET / HTTP/1.1\r\n\r\n", bytes(5000), b"\x16\x03\x01\xff\xff" + b"\xff" * 70_000])
def test_garbage_before_the_handshake_is_refused(world: LinkWorld, noise: bytes) -> None:
    alice, bob = world.node("alice"), world.node("bob").listen()
    _, near = connect_stranger(world, bob.address)
    near.write(noise)
    alice.dial(bob)
    world.settle()
    assert near.lost
    assert bob.observer.refusals() == Counter({RefusalReason.TLS_FAILED: 1})
    assert bob.network.is_open(alice.id)


def test_a_connection_that_just_ends_is_counted(world: LinkWorld) -> None:
    bob = world.node("bob").listen()
    _, near = connect_stranger(world, bob.address)
    near.loseConnection()
    world.settle()
    assert bob.observer.refusals() == Counter({RefusalReason.TLS_FAILED: 1})


def test_connections_that_only_open_keep_no_link_out(world: LinkWorld) -> None:
    limits = LinkLimits(max_opening_links=2, handshake_timeout_s=3.0)
    alice, bob = world.node("alice"), world.node("bob", limits=limits).listen()
    for _ in range(3):
        connect_stranger(world, bob.address)
        world.clock.advance(0.6)
    assert bob.observer.refusals() == Counter({RefusalReason.TOO_MANY_LINKS: 1})
    alice.dial(bob)
    world.settle()
    assert bob.network.is_open(alice.id)


def clients_of(world: LinkWorld, bob: Node, count: int) -> list[Node]:
    clients = [world.node(f"client{number}") for number in range(count)]
    world.clients.update(client.id for client in clients)
    for client in clients:
        client.dial(bob)
    world.settle()
    return clients


def test_one_address_gets_its_share_of_links_only(world: LinkWorld) -> None:
    bob = world.node("bob", limits=LinkLimits(max_links_per_address=2)).listen()
    clients = clients_of(world, bob, 3)
    for client in clients:
        bob.network.vouch(client.id, queue_frames=9)
    world.settle()
    assert [bob.network.is_open(client.id) for client in clients] == [True, True, False]
    assert bob.observer.refusals() == Counter({RefusalReason.TOO_MANY_LINKS: 1})


def test_a_link_for_whose_peer_nobody_vouches_is_ended(world: LinkWorld) -> None:
    bob = world.node("bob", limits=LinkLimits(vouch_s=30.0)).listen()
    client, stranger = clients_of(world, bob, 2)
    bob.network.vouch(client.id, queue_frames=9)
    world.clock.advance(29)
    assert bob.network.is_open(stranger.id)
    world.clock.advance(2)
    world.settle()
    assert (bob.network.is_open(client.id), bob.observer.refusals()) == (True, Counter({RefusalReason.TIMEOUT: 1}))
    bob.network.doubt(client.id)
    world.clock.advance(31)
    world.settle()
    assert bob.observer.refusals() == Counter({RefusalReason.TIMEOUT: 2})


def test_an_incoming_link_whose_peer_does_not_read_is_ended(world: LinkWorld) -> None:
    bob = world.node("bob", limits=LinkLimits(stuck_s=30.0)).listen()
    slow, deaf = clients_of(world, bob, 2)
    for number in range(60):
        for client in (slow, deaf):
            bob.network.vouch(client.id, queue_frames=200)
            for _ in range(10):
                bob.network.send(client.id, packet_frame(number))
        world.sockets.pipes[1][0].deaf = True
        # The slow one reads everything once in a while.
        world.sockets.pipes[0][0].deaf = number % 20 != 0
        if number % 20 == 0:
            world.sockets.pipes[0][0].hear()
        world.clock.advance(1)
    assert (slow.observer.closed(), deaf.observer.closed()) == (0, 1)
    assert bob.observer.refusals() == Counter({RefusalReason.TIMEOUT: 1})


def test_a_peer_that_comes_again_replaces_its_first_link(world: LinkWorld) -> None:
    bob = world.node("bob").listen()
    first = world.node("client").dial(bob)
    world.settle()
    again = world.node("client").dial(bob)
    world.nodes["first client"] = first
    world.settle()
    bob.network.send(again.id, packet_frame(1))
    world.settle()
    assert again.inbox.numbers() == [1]
    assert first.inbox.numbers() == []
    assert bob.network.is_open(again.id)
    assert first.observer.closed() == 1


def test_peers_that_are_gone_are_dropped_and_new_ones_dialled(world: LinkWorld) -> None:
    alice, bob, carol = world.node("alice"), world.node("bob").listen(), world.node("carol").listen()
    alice.dial(bob)
    world.settle()
    alice.dial(carol)
    world.settle()
    assert not alice.network.is_open(bob.id)
    assert not bob.network.is_open(alice.id)
    assert alice.network.is_open(carol.id)
    assert not alice.network.send(bob.id, packet_frame(1))
    assert alice.observer.refusals() == bob.observer.refusals() == Counter()


def test_what_was_sent_before_a_peer_was_dropped_still_arrives(world: LinkWorld) -> None:
    alice, bob = world.node("alice"), world.node("bob").listen()
    alice.dial(bob)
    world.settle()
    alice.network.send(bob.id, packet_frame(1))
    alice.dial()
    world.settle()
    assert bob.inbox.numbers() == [1]


def test_who_is_not_admitted_any_more_is_dropped_with_the_next_peers(world: LinkWorld) -> None:
    alice, bob = world.node("alice"), world.node("bob").listen()
    alice.dial(bob)
    world.settle()
    world.admitted = set()
    bob.dial()
    world.settle()
    assert not bob.network.is_open(alice.id)


def test_a_peer_that_moved_is_dialled_there_at_once(world: LinkWorld) -> None:
    alice, bob = world.node("alice"), world.node("bob")
    alice.dial(bob)
    bob.address = PeerAddress("elsewhere.example", 9001)
    bob.listen()
    alice.dial(bob)
    world.settle()
    assert alice.network.is_open(bob.id)
    bob.address = PeerAddress("nowhere.example", 9002)
    alice.dial(bob)
    world.settle()
    assert alice.network.is_open(bob.id)


def test_a_frame_that_the_peers_role_does_not_send_ends_the_link_on_either_side(world: LinkWorld) -> None:
    alice, bob = world.node("alice"), world.node("bob").listen()
    alice.dial(bob)
    world.settle()
    alice.network.send(bob.id, packet_frame(1))
    alice.network.send(bob.id, FORMAT.encode(Pull(1, ())))
    world.settle()
    assert not alice.network.is_open(bob.id)
    assert bob.observer.refusals() == Counter({RefusalReason.GARBAGE: 1})
    world.clock.advance(0.25)
    bob.network.send(alice.id, FORMAT.encode(Pull(1, ())))
    world.settle()
    assert not bob.network.is_open(alice.id)
    assert alice.observer.refusals() == Counter({RefusalReason.GARBAGE: 1})
    world.clock.advance(1.0)
    assert alice.network.is_open(bob.id)


@pytest.mark.parametrize("state", [Dialling, Resting, Linked])
def test_stopping_in_any_state_leaves_nothing(world: LinkWorld, state: type) -> None:
    alice, bob = world.node("alice"), world.node("bob")
    if state is Dialling:
        world.sockets.silent.add(bob.address)
    if state is Linked:
        bob.listen()
    alice.dial(bob)
    if state is Linked:
        world.settle()
    peer_link = alice.network._peers[bob.id]
    assert isinstance(peer_link.state, state)
    alice.network.send(bob.id, packet_frame(1))
    stopped = alice.network.stop()
    world.settle()
    assert stopped.called
    assert peer_link.state == Idle()
    assert not alice.network.send(bob.id, packet_frame(2))
    bob.network.stop()
    world.settle()
    assert world.clock.getDelayedCalls() == []


def test_stopping_in_the_middle_of_a_handshake_leaves_nothing(world: LinkWorld) -> None:
    alice, bob = world.node("alice"), world.node("bob").listen()
    alice.dial(bob)
    world.clock.callLater(0, alice.network.stop)
    world.settle()
    assert world.sockets.alive() == 0
    bob.network.stop()
    assert world.clock.getDelayedCalls() == []


def test_stopping_does_not_wait_for_a_deaf_peer(world: LinkWorld) -> None:
    alice, bob = world.node("alice", limits=LinkLimits(goodbye_s=0.5)), world.node("bob").listen()
    alice.dial(bob)
    world.settle()
    world.sockets.pipes[0][1].deaf = True
    alice.network.send(bob.id, packet_frame(1))
    stopped = alice.network.stop()
    world.clock.advance(0.4)
    assert not stopped.called
    world.clock.advance(0.2)
    assert stopped.called


def test_a_stopped_network_takes_no_peers(world: LinkWorld) -> None:
    alice, bob = world.node("alice"), world.node("bob").listen()
    alice.network.stop()
    alice.dial(bob)
    world.settle()
    assert world.sockets.dialled == []
