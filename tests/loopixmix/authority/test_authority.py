"""The authority's decisions: whom it takes, when it signs, and that it never signs an epoch twice."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import pytest

from loopixmix.authority.authority import Authority
from loopixmix.authority.config import AllowedDomain, AllowedNode, AuthorityConfig
from loopixmix.authority.store import AuthorityStore
from loopixmix.directory import (
    DescriptorExpired,
    DescriptorForged,
    DescriptorFromFuture,
    DescriptorNameTaken,
    DescriptorNotAllowed,
    DescriptorReplayed,
    Document,
    Role,
    TrustRoot,
    decode_document,
    sign_descriptor,
)
from loopixmix.directory.schedule import retry_longest_s
from loopixmix.epoch import epoch_at
from loopixmix.errors import FormatError, StoreError
from loopixmix.keys import IdentityKey
from tests.worlds.networks.authorities import public_mix_keys
from tests.worlds.networks.models import NOW_S, ModelNetwork, ModelNode, model_network
from tests.worlds.networks.offers import mail_offer

HOUR_S = 3600.0
NETWORK = model_network(random.Random(1))


@dataclass
class World:
    """An authority on its disk, the nodes of the model network, and a time that tests set."""

    directory: Path
    config: AuthorityConfig
    network: ModelNetwork = NETWORK
    now_s: float = NOW_S + 10

    def __post_init__(self) -> None:
        self.authority = self.start()

    def start(self, trust_root: TrustRoot | None = None) -> Authority:
        return Authority(
            self.config,
            identity_key=self.network.authority,
            trust_root=trust_root or self.network.trust_root,
            store=AuthorityStore(self.directory),
            started_s=self.now_s,
            max_nodes=len(self.network.nodes),
        )

    def restart(self) -> None:
        self.authority = self.start()

    @property
    def epoch(self) -> int:
        return epoch_at(self.now_s, self.network.params.epoch_length_s)

    def signed(self, node: ModelNode, **changes: object) -> bytes:
        descriptor = node.descriptor(self.network.trust_root.network_id, issued_at_ms=int(self.now_s * 1000))
        descriptor = msgspec.structs.replace(descriptor, mix_keys=public_mix_keys(node.id, self.epoch))
        return sign_descriptor(msgspec.structs.replace(descriptor, **changes), node.identity_key)

    def upload(self, *names: str, **changes: object) -> None:
        for node in self.network.nodes:
            if not names or node.name in names:
                self.now_s += 0.001
                self.authority.accept(self.signed(node, **changes), now_s=self.now_s)

    def turn(self) -> list[Document]:
        return self.authority.turn(now_s=self.now_s)

    def believed(self, epoch: int) -> Document:
        signed = self.authority.document(epoch)
        assert signed is not None
        return decode_document(signed, self.network.trust_root, now_s=epoch * HOUR_S)

    def advance_to(self, offset_s: float) -> None:
        self.now_s = NOW_S + offset_s


def config_of(**changes: object) -> AuthorityConfig:
    values = {"listen": "127.0.0.1:9000", "params": NETWORK.params, "open_enrolment": True}
    return AuthorityConfig(**(values | changes))  # type: ignore[arg-type]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, config_of(expected_mixes=6, expected_providers=2))


ALL = {node.name for node in NETWORK.nodes}
EPOCH = NETWORK.epoch


def names_in(document: Document) -> set[str]:
    return {node.name for node in document.nodes}


# The first document


def test_the_first_document_is_made_as_soon_as_the_expected_nodes_are_there(world: World) -> None:
    world.turn()
    assert world.authority.problem(now_s=world.now_s) == (
        f"no document for epoch {EPOCH} yet: 0 mixes are enrolled and 3 layers need one each"
    )
    world.upload("mix11", "mix12", "mix21", "mix22", "mix31", "mix32", "provider1")
    assert world.turn() == []
    assert world.authority.current(now_s=world.now_s) is None
    assert world.authority.problem(now_s=world.now_s) == (
        f"no document for epoch {EPOCH} yet: 6 of 6 expected mixes and 1 of 2 expected providers are enrolled"
    )
    world.upload("provider2")
    [document] = world.turn()
    assert document.epoch == EPOCH
    assert names_in(world.believed(EPOCH)) == ALL
    assert world.authority.current(now_s=world.now_s) == world.authority.document(EPOCH)
    assert world.authority.problem(now_s=world.now_s) is None
    assert world.turn() == []


def test_without_expectations_one_node_for_each_place_is_enough(tmp_path: Path) -> None:
    world = World(tmp_path, config_of())
    world.upload("mix11", "mix21", "mix31")
    assert world.turn() == []
    world.upload("provider1")
    assert len(world.turn()) == 1


# One document an epoch


def test_the_next_document_is_made_shortly_before_its_epoch(world: World) -> None:
    world.upload()
    world.turn()
    world.advance_to(HOUR_S - 301)
    assert world.turn() == []
    assert world.authority.document(EPOCH + 1) is None
    world.advance_to(HOUR_S - 300)
    [document] = world.turn()
    assert document.epoch == EPOCH + 1
    assert world.authority.problem(now_s=world.now_s) is None
    assert world.authority.current(now_s=world.now_s) == world.authority.document(EPOCH)
    world.advance_to(HOUR_S)
    assert world.authority.current(now_s=world.now_s) == world.authority.document(EPOCH + 1)


def test_layers_stay_as_they_are_from_epoch_to_epoch(world: World) -> None:
    world.upload()
    world.turn()
    for ahead in range(1, 5):
        world.advance_to(ahead * HOUR_S - 200)
        world.upload()
        world.turn()
    first, last = world.believed(EPOCH), world.believed(EPOCH + 4)
    assert {node.id: node.layer for node in first.nodes} == {node.id: node.layer for node in last.nodes}


def test_who_withdraws_or_stops_uploading_is_left_out_of_the_next_document(world: World) -> None:
    world.upload()
    world.turn()
    world.advance_to(100)
    world.upload("mix11", withdrawn=True)
    world.advance_to(HOUR_S - 300)
    world.turn()
    assert names_in(world.believed(EPOCH + 1)) == ALL - {"mix11"}
    world.advance_to(HOUR_S + 100)
    world.upload("mix11")
    world.upload("mix21", "mix22", "mix31", "mix32", "provider1")
    world.advance_to(2 * HOUR_S - 300)
    world.turn()
    assert names_in(world.believed(EPOCH + 2)) == {"mix11", "mix21", "mix22", "mix31", "mix32", "provider1"}


def test_while_too_few_nodes_are_there_the_old_document_is_given_out_until_it_expires(world: World) -> None:
    world.upload()
    world.turn()
    world.upload(*(ALL - {"mix11"}), withdrawn=True)
    world.advance_to(HOUR_S + 100)
    assert world.turn() == []
    assert world.authority.current(now_s=world.now_s) == world.authority.document(EPOCH)
    assert "1 mixes are enrolled" in (world.authority.problem(now_s=world.now_s) or "")
    world.advance_to(2 * HOUR_S)
    assert world.authority.current(now_s=world.now_s) is None
    world.upload()
    assert [document.epoch for document in world.turn()] == [EPOCH + 2]


# Restarts


def test_a_restart_gives_out_the_very_same_document(world: World) -> None:
    world.upload()
    world.turn()
    signed = world.authority.document(EPOCH)
    world.restart()
    assert world.authority.document(EPOCH) == signed
    world.upload("mix11", port=7)
    assert world.turn() == []
    assert world.authority.document(EPOCH) == signed


def test_a_crash_between_signing_and_publishing_never_makes_a_second_document(world: World, tmp_path: Path) -> None:
    world.upload()
    world.turn()
    signed = world.authority.document(EPOCH)
    other = World(tmp_path, config_of(), now_s=world.now_s + 1)  # the same disk, an empty memory
    other.upload("mix12", withdrawn=True)
    other.turn()
    assert other.authority.document(EPOCH) == signed
    with pytest.raises(StoreError, match="a document of this epoch was signed already"):
        AuthorityStore(tmp_path).keep_document(EPOCH, b"another")


def test_a_clock_set_back_makes_no_document_for_a_past_epoch(world: World) -> None:
    world.upload()
    world.turn()
    world.advance_to(-2 * HOUR_S)
    world.restart()
    assert world.turn() == []
    assert "the clock is wrong, or was then" in (world.authority.problem(now_s=world.now_s) or "")


@pytest.mark.parametrize("back_s", [30.0, 24 * HOUR_S])
def test_an_authority_that_was_set_back_does_not_call_itself_healthy(world: World, back_s: float) -> None:
    world.upload()
    world.turn()
    assert world.authority.problem(now_s=world.now_s) is None
    world.now_s -= back_s
    world.authority.clock_was_set(now_s=world.now_s)
    assert world.turn() == []
    assert world.authority.problem(now_s=world.now_s) is not None
    world.now_s += back_s
    world.authority.clock_was_set(now_s=world.now_s)
    assert world.turn() == []
    assert world.authority.problem(now_s=world.now_s) is None


def test_a_descriptor_that_a_wrong_clock_took_keeps_its_node_out_no_longer(world: World) -> None:
    world.now_s += 24 * HOUR_S
    world.upload("mix11")
    world.now_s -= 24 * HOUR_S
    assert "1 nodes enrolled up to 86400 s in the future" in (world.authority.problem(now_s=world.now_s) or "")
    world.upload()
    assert len(world.turn()) == 1
    assert world.authority.problem(now_s=world.now_s) is None


def test_an_authority_whose_clock_was_ahead_for_a_minute_forgets_nobody(world: World) -> None:
    world.upload()
    world.turn()
    for step_s in (24 * HOUR_S, 90.0, 90 - 24 * HOUR_S):
        world.now_s += step_s
        if step_s != 90.0:
            world.authority.clock_was_set(now_s=world.now_s)
        assert world.turn() == []
    assert len(world.authority.enrolled(now_s=world.now_s)) == 8
    assert world.authority.problem(now_s=world.now_s) is None
    # What is too old is forgotten later, as ever.
    world.now_s += 4 * HOUR_S
    world.turn()
    assert world.authority.enrolled(now_s=world.now_s) == []


def test_after_a_sleep_all_nodes_are_waited_for_and_come_back_together(world: World) -> None:
    world.upload()
    world.turn()
    world.now_s += 5 * HOUR_S
    world.authority.clock_was_set(now_s=world.now_s)
    world.upload("mix11", "mix21", "mix31", "provider1")
    assert world.turn() == []
    assert "waiting for" in (world.authority.problem(now_s=world.now_s) or "")
    world.upload("mix12", "mix22", "mix32", "provider2")
    [document] = world.turn()
    assert names_in(document) == ALL


def test_after_an_outage_all_nodes_are_waited_for_but_not_for_ever(world: World) -> None:
    world.upload()
    world.turn()
    world.now_s += 5 * HOUR_S
    assert world.turn() == []
    first = ("mix11", "mix21", "mix31", "provider1")
    world.upload(*first)
    assert world.turn() == []
    assert "after an outage, waiting for" in (world.authority.problem(now_s=world.now_s) or "")
    world.now_s += 2 * retry_longest_s(NETWORK.params.epoch_length_s)
    [document] = world.turn()
    assert names_in(document) == set(first)


@pytest.mark.parametrize(("off_s", "words"), [(7200.0, "7200 s in the future"), (-4 * HOUR_S, "14400 s ago")])
def test_a_refused_node_learns_by_how_much_its_clock_is_wrong(world: World, off_s: float, words: str) -> None:
    node = NETWORK.node("mix11")
    issued_at_ms = int((world.now_s + off_s) * 1000)
    with pytest.raises((DescriptorExpired, DescriptorFromFuture), match=f"issued {words} by the authority's clock"):
        world.authority.accept(world.signed(node, issued_at_ms=issued_at_ms), now_s=world.now_s)


def test_a_write_that_a_crash_cut_short_is_not_a_document(world: World, tmp_path: Path) -> None:
    (tmp_path / "documents" / f".{EPOCH}.signed.unfinished").write_bytes(b"half a doc")
    world.restart()
    world.upload()
    assert len(world.turn()) == 1


def test_after_a_restart_the_nodes_of_the_last_document_are_waited_for(world: World) -> None:
    world.upload()
    world.turn()
    world.advance_to(2 * HOUR_S + 5)
    world.restart()
    world.upload("mix11", "mix12", "mix21", "mix22", "mix31", "mix32", "provider1")
    assert world.turn() == []
    assert "after an outage, waiting for provider2" in (world.authority.problem(now_s=world.now_s) or "")
    waits_s = 1.25 * retry_longest_s(NETWORK.params.epoch_length_s)
    world.now_s += waits_s - 5
    assert world.turn() == []
    world.now_s += 10
    [document] = world.turn()
    assert names_in(document) == ALL - {"provider2"}


def test_after_a_restart_nobody_waits_for_who_withdrew(world: World) -> None:
    world.upload()
    world.turn()
    world.advance_to(2 * HOUR_S + 5)
    world.restart()
    world.upload("provider2", withdrawn=True)
    world.upload(*(ALL - {"provider2"}))
    assert len(world.turn()) == 1


def test_descriptors_survive_a_restart_and_still_guard_against_replays(world: World) -> None:
    node = NETWORK.node("mix11")
    old = world.signed(node)
    world.now_s += 1
    world.upload()
    world.restart()
    assert len(world.turn()) == 1
    with pytest.raises(DescriptorReplayed):
        world.authority.accept(old, now_s=world.now_s)


def test_old_files_are_cleared_away_but_never_the_newest_document(world: World, tmp_path: Path) -> None:
    for hours in range(12):
        world.advance_to(hours * HOUR_S + 10)
        world.upload()
        world.turn()
    documents = {path.name for path in (tmp_path / "documents").iterdir()}
    assert documents == {f"{EPOCH + hours}.signed" for hours in range(3, 12)}
    world.advance_to(100 * HOUR_S)
    world.turn()
    assert {path.name for path in (tmp_path / "documents").iterdir()} == {f"{EPOCH + 11}.signed"}
    assert list((tmp_path / "descriptors").iterdir()) == []
    world.restart()
    assert world.authority.newest_document is not None


@pytest.mark.parametrize(
    ("kind", "advice"), [("descriptors", "upload a new one"), ("documents", "no epoch may be signed twice")]
)
def test_a_damaged_file_stops_the_start_with_its_name(world: World, tmp_path: Path, kind: str, advice: str) -> None:
    world.upload()
    world.turn()
    path = sorted((tmp_path / kind).iterdir())[0]
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(StoreError) as caught:
        world.restart()
    assert str(path) in str(caught.value)
    assert advice in str(caught.value)


def test_a_state_of_another_network_is_refused(world: World) -> None:
    world.upload()
    with pytest.raises(StoreError, match="belongs to another network"):
        world.start(msgspec.structs.replace(NETWORK.trust_root, name="other"))


def test_changed_parameters_take_effect_with_the_next_document(world: World) -> None:
    world.upload()
    world.turn()
    slower = msgspec.structs.replace(NETWORK.params, delay_mean_s=0.5, layers=2)
    world.config = msgspec.structs.replace(world.config, params=slower)
    world.restart()
    world.advance_to(HOUR_S - 100)
    world.turn()
    document = world.believed(EPOCH + 1)
    assert document.params == slower
    assert [len(document.layer(number)) for number in (1, 2, 3)] == [3, 3, 0]
    assert world.believed(EPOCH).params == NETWORK.params


def test_a_full_disk_loses_nothing_and_signs_nothing(world: World, tmp_path: Path) -> None:
    world.upload()
    (tmp_path / "documents").rmdir()
    with pytest.raises(StoreError, match="cannot be written"):
        world.turn()
    assert world.authority.document(EPOCH) is None
    (tmp_path / "documents").mkdir()
    assert len(world.turn()) == 1


# Who is taken


def test_only_nodes_on_the_list_are_taken(tmp_path: Path) -> None:
    mix, provider, stranger = (NETWORK.node(name) for name in ("mix11", "provider1", "mix12"))
    nodes = (
        AllowedNode(id=mix.id.hex()),
        AllowedNode(id=provider.id.hex(), name="provider1", role=Role.PROVIDER),
    )
    world = World(tmp_path, config_of(open_enrolment=False, nodes=nodes))
    world.upload("mix11", "provider1")
    with pytest.raises(DescriptorNotAllowed, match=f"the node {stranger.id.hex()} is not on the list"):
        world.upload("mix12")
    world.now_s += 1
    with pytest.raises(DescriptorNotAllowed, match="may only be called provider1, not other"):
        world.upload("provider1", name="other")
    with pytest.raises(DescriptorNotAllowed, match="may only be a provider, not a mix"):
        world.upload("provider1", role=Role.MIX, services=())


def test_who_is_taken_off_the_list_is_left_out_of_the_next_document(tmp_path: Path) -> None:
    nodes = tuple(AllowedNode(id=node.id.hex()) for node in NETWORK.nodes)
    world = World(tmp_path, config_of(open_enrolment=False, nodes=nodes))
    world.upload()
    world.turn()
    without = tuple(node for node in nodes if node.id != NETWORK.node("mix11").id.hex())
    world.authority.reconfigure(config_of(open_enrolment=False, nodes=without))
    world.advance_to(HOUR_S - 300)
    [document] = world.turn()
    assert names_in(document) == ALL - {"mix11"}
    assert len(world.authority.enrolled(now_s=world.now_s)) == len(ALL) - 1
    with pytest.raises(DescriptorNotAllowed):
        world.upload("mix11")


def test_a_name_belongs_to_the_node_that_has_it(world: World) -> None:
    world.upload("mix11")
    with pytest.raises(DescriptorNameTaken, match="the name mix11 belongs to another node"):
        world.upload("mix12", name="mix11")
    world.now_s += 1
    world.upload("mix11", name="renamed")
    world.upload("mix12", name="mix11")
    world.advance_to(5 * HOUR_S)
    world.upload("mix21", name="renamed")


def test_a_mail_domain_is_in_the_document_of_whom_the_operator_allows_it_to(tmp_path: Path) -> None:
    world = World(tmp_path, config_of(domains=(AllowedDomain(domain="example.org", provider="provider1"),)))
    wanted = mail_offer({"example.net": None, "example.org": None})
    world.upload("provider1", "provider2", mail=wanted)
    world.upload("mix11", "mix21", "mix31")
    [document] = world.turn()
    domains = {node.name: [each.domain for each in node.mail.domains] for node in document.nodes if node.mail}
    assert domains == {"provider1": ["example.org"], "provider2": []}
    mine, other = (
        world.authority.refused_domains(
            msgspec.structs.replace(NETWORK.node(name).descriptor(b"", issued_at_ms=0), mail=wanted)
        )
        for name in ("provider1", "provider2")
    )
    assert mine == ["example.net is not under [[domains]]"]
    assert other == ["example.net is not under [[domains]]", "example.org is that of provider1"]
    # A domain that goes, goes with the next document.
    world.authority.reconfigure(config_of())
    world.advance_to(HOUR_S - 300)
    [document] = world.turn()
    assert document.reach("bob", "example.org") is None


def test_no_node_may_be_called_like_a_mail_domain(tmp_path: Path) -> None:
    world = World(tmp_path, config_of())
    world.upload("mix11", "mix21", "mix31", "provider1")
    world.upload("provider2", name="example.org")
    world.authority.reconfigure(config_of(domains=(AllowedDomain(domain="example.org", provider="provider1"),)))
    with pytest.raises(DescriptorNotAllowed, match=r"no node may be called example\.org: that is a mail domain"):
        world.upload("provider2", name="example.org")
    world.upload("provider1", mail=mail_offer({"example.org": None}))
    [document] = world.turn()
    reach = document.reach("bob", "example.org")
    assert reach is not None
    assert reach.provider.name == "provider1"


def test_no_more_nodes_are_taken_than_a_document_holds(world: World) -> None:
    world.upload()
    newcomer = replace(NETWORK.node("mix11"), identity_key=IdentityKey.generate(random.Random(8)), name="newcomer")
    with pytest.raises(DescriptorNotAllowed, match="the network has 8 nodes and takes no more"):
        world.authority.accept(world.signed(newcomer), now_s=world.now_s)
    world.upload("mix11")


def test_descriptors_with_wrong_times_are_refused(world: World) -> None:
    node = NETWORK.node("mix11")
    for issued_s, error in ((NOW_S + 60, DescriptorFromFuture), (NOW_S - HOUR_S - 61, DescriptorExpired)):
        with pytest.raises(error):
            world.authority.accept(world.signed(node, issued_at_ms=int(issued_s * 1000)), now_s=world.now_s)
    with pytest.raises(DescriptorExpired):
        world.authority.accept(world.signed(node, mix_keys=public_mix_keys(node.id, EPOCH - 3)), now_s=world.now_s)


def test_forgeries_and_garbage_are_refused_and_leave_no_trace(world: World, tmp_path: Path) -> None:
    signed = world.signed(NETWORK.node("mix11"))
    with pytest.raises(DescriptorForged):
        world.authority.accept(signed[:-1] + bytes([signed[-1] ^ 1]), now_s=world.now_s)
    with pytest.raises(FormatError):
        world.authority.accept(b"garbage", now_s=world.now_s)
    assert list((tmp_path / "descriptors").iterdir()) == []


def test_two_authorities_with_the_same_descriptors_make_the_same_bytes(tmp_path: Path) -> None:
    twin = replace(NETWORK, authority=IdentityKey.generate(random.Random(5)))
    worlds = [World(tmp_path / "a", config_of()), World(tmp_path / "b", config_of(), network=twin)]
    for one in worlds:
        one.upload()
    documents = [one.turn() for one in worlds]
    assert documents[0] == documents[1] != []


def test_an_identity_that_two_processes_use_in_turns_is_named(world: World) -> None:
    world.now_s += 1
    world.upload("mix11", port=30001)
    world.now_s += 1
    world.upload("mix11", port=30002)  # it moved, as a node may
    assert world.authority.twins == []
    world.now_s += 1
    world.upload("mix11", port=30002)
    assert world.authority.twins == []
    world.now_s += 1
    world.upload("mix11", port=30001)
    told = "two processes use the identity of mix11 in turns, at 127.0.0.1:30001 and 127.0.0.1:30002: stop one"
    assert world.authority.twins == [told]
    world.now_s += 1
    world.upload("mix11", port=30002)
    assert world.authority.twins == [told]
    world.advance_to(3 * HOUR_S)
    world.turn()
    assert world.authority.twins == []
