"""The names of attacks' figures. That they are those that attacks report is in `tests/simulations/attacks`."""

from __future__ import annotations

import pytest

from loopixmix.errors import MisuseError
from simulations.measures.attack_figures import ATTACK_FIGURES, check_attack_figure, names_of
from simulations.measures.catalogue import unit_of


def test_all_names_pass_and_have_a_unit() -> None:
    for kind in ATTACK_FIGURES:
        for figure in names_of(kind):
            check_attack_figure(f"attack.{kind}.{figure}")
            assert unit_of(f"attack.{kind}.{figure}") in {"1", "s", "rounds", "users"}


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("attack.", 'no attack is called "" (there are: corruption, fifo, '),
        ("attack.filo.success", 'no attack is called "filo" (there are: corruption, fifo, '),
        ("attack.fifo", 'attack.fifo has no figure "" (there are: success, bound, '),
        ("attack.fifo.sucess", 'attack.fifo has no figure "sucess" (there are: success, bound, '),
        ("attack.fifo.bound.low", 'attack.fifo has no figure "bound.low" (there are: success, bound, '),
    ],
)
def test_other_names_are_refused_with_what_there_is(name: str, says: str) -> None:
    with pytest.raises(MisuseError) as caught:
        check_attack_figure(name)
    assert str(caught.value).startswith(says)
