"""What can be guessed where something is not as random as it should be: draws, and how long answers and cover take."""

from __future__ import annotations

import ast
import random
from collections.abc import Iterator
from pathlib import Path

import msgspec
from scipy import stats

from client.core.packets import PacketMaker
from loopixmix.params import NetworkParams
from loopixmix.seams import PacketIn, PacketOut
from loopixmix.sphinx import Geometry, Sphinx, load_arithmetic
from tests.worlds.networks.models import NOW_S, model_network
from tests.worlds.networks.towns import TOWN_PARAMS, Town

ROOT = Path(__file__).parents[2]
DETERMINISTIC = {"numpy", "scipy"}
MODULE_FUNCTIONS = {name for name in dir(random) if name.islower() and not name.startswith("_")}


def modules() -> Iterator[Path]:
    for package in ("loopixmix", "provider", "client"):
        yield from (ROOT / package).rglob("*.py")


def predictable_draws(tree: ast.AST) -> Iterator[str]:
    """Yield what draws from a generator that an observer of its output can predict."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names if alias.name.split(".")[0] in DETERMINISTIC)
            case ast.ImportFrom(module=str(module), names=names):
                if module.split(".")[0] in DETERMINISTIC:
                    yield module
                if module == "random":
                    yield from (f"random.{alias.name}" for alias in names if alias.name != "SystemRandom")
            case ast.Call(func=ast.Attribute(value=ast.Name(id="random"), attr=attribute)):
                if attribute in MODULE_FUNCTIONS or attribute == "Random":
                    yield f"random.{attribute}"


def test_nothing_is_drawn_from_a_generator_that_can_be_predicted() -> None:
    """Loopix's first implementation drew delays and paths from numpy, whose state follows from 624 outputs."""
    found = {str(path.relative_to(ROOT)): list(predictable_draws(ast.parse(path.read_text()))) for path in modules()}
    # The fake client of applications' tests repeats with its seed; the benchmarks are no package of ours.
    assert {path: draws for path, draws in found.items() if draws and not path.startswith("client/_fake/")} == {}
    assert list(predictable_draws(ast.parse("import random\nimport numpy as np\nrandom.random()"))) == [
        "numpy",
        "random.random",
    ]


def test_an_answer_follows_its_request_after_a_delay_like_any_other(tmp_path: Path) -> None:
    """H0: from the request's arrival to the answer's departure passes an exponential time with the mean of one hop, and
    the store's constant: Kolmogorov-Smirnov on 200 answers and acknowledgements; rejected below 0.001. Seeded."""
    town = Town(tmp_path, params=msgspec.structs.replace(TOWN_PARAMS, node_loop_rate_per_s=1e-9, delay_mean_s=0.1))
    for number in range(100):
        town.alice.request("echo", b"%d" % number, at=town.p2.identity)
        town.alice.deliver(town.bob.id, b"%d" % number, exit=town.p2.identity)
        town.settle(1.0)
    injected = {fact.replay_tag: fact.at_s for fact in town.p2.recorder.of(PacketIn) if fact.peer == town.p2.identity}
    waited_s = [
        fact.at_s - injected[fact.replay_tag] for fact in town.p2.recorder.of(PacketOut) if fact.replay_tag in injected
    ]
    assert len(waited_s) == 200
    assert stats.kstest(waited_s, "expon", args=(0, 0.1)).pvalue > 0.001
    town.stop()


def test_cover_takes_as_long_as_payloads() -> None:
    """H0: the delays of drop cover, loops and payloads have the Gamma distribution of their hops, there and back.

    Kolmogorov-Smirnov on 300 packets each, rejected below 0.001 (false alarm 0.3 %). Seeded.
    """
    network = model_network(random.Random(1))
    providers = network.document.providers()
    sphinx = Sphinx(Geometry.for_network(network.document.params), load_arithmetic())
    maker = PacketMaker(
        network.document,
        sphinx,
        bytes(32),
        providers[0].id,
        random.Random(2),
    )
    kinds = {
        "drop": lambda: maker.drop(NOW_S),
        "loop": lambda: maker.loop(NOW_S),
        "payload": lambda: maker.deliver(bytes(32), bytes(2048), provider=providers[1].id, now_s=NOW_S),
    }
    hops, mean_s = 2 * (network.params.layers + 1), network.params.delay_mean_s
    for kind, make in kinds.items():
        delays_s = [make().delays_s for _ in range(300)]
        assert stats.kstest(delays_s, "gamma", args=(hops, 0, mean_s)).pvalue > 0.001, kind


def test_figures_say_what_they_are() -> None:
    """A mean that is called a rate, or a rate in another unit, was sent by whole networks."""
    for name, kind in NetworkParams.__annotations__.items():
        if "float" in str(kind) or "Rate" in str(kind):
            assert name.endswith(("_mean_s", "_rate_per_s")), name
