"""Entropies: one mix (Loopix Fig. 4), layers (MiXiM Figs 5a and 7a), and the rates that give a wanted one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

from numpy.random import Generator

from simulations.formulas.entropy import LEAST_POOL, layered_entropy_bits, one_mix_entropy_bits
from simulations.vector.propagation import HAS_NATIVE
from simulations.vector.trace import trace
from simulations.verify import publications
from simulations.verify.rows import QUICK, Case, Effort, Row

_FEW_TARGETS, _FAST_PER_S = 6, 1000.0
_BITS_A_NAT = 1 / math.log(2.0)


def one_mix_rows(setting: publications.OneMix, effort: Effort, generator: Generator) -> Sequence[Row]:
    """Average eq. 5 over a mix's departures; theory is Danezis' eq. 13.

    The logarithm of a Poisson pool has variance 1 / pool and is remembered for one mean delay; so N departures leave
    the average an error of sqrt(2 / N) nats, whatever the pool.
    """
    delay_mean_s = 1 / setting.delay_rate_per_s
    # From the wanted standard error: sqrt(2 / N) nats, solved for N.
    departures = 2 * (_BITS_A_NAT / effort.entropy_error_bits) ** 2
    done = trace(
        rate_per_s=setting.rate_per_s,
        width=1,
        layers=1,
        delay_mean_s=delay_mean_s,
        generator=generator,
        targets=1,
        spacing_s=max(departures / setting.rate_per_s, 20 * delay_mean_s),
    )
    pool = setting.rate_per_s * delay_mean_s
    return [
        _entropy_row(
            "loopix-fig4",
            f"mu={setting.delay_rate_per_s:g} lambda={setting.rate_per_s:g}",
            simulated=float(done.live_bits.mean()),
            publication=setting.bits,
            theory=one_mix_entropy_bits(setting.rate_per_s, delay_mean_s),
            pool=pool,
            effort=effort,
        )
    ]


def layers_rows(figure: str, setting: publications.Layers, effort: Effort, generator: Generator) -> Sequence[Row]:
    """Follow targets through MiXiM's network; theory is the entropy of an Erlang delay."""
    rate_per_s, width = publications.MIXIM_RATE_PER_S, publications.MIXIM_WIDTH
    pool = rate_per_s * setting.delay_mean_s / width
    lacks_bits = two_layers_lack_bits(pool, width) if setting.layers == 2 else 0.0
    done = trace(
        rate_per_s=rate_per_s,
        width=width,
        layers=setting.layers,
        delay_mean_s=setting.delay_mean_s,
        link_latency_s=publications.MIXIM_LINK_S,
        generator=generator,
        targets=_followed(effort, 0.0 if setting.layers == 1 else rate_per_s, _targets(setting.layers, pool)),
    )
    return [
        _entropy_row(
            figure,
            f"L={setting.layers} theta={setting.delay_mean_s:.3g} s",
            simulated=float(done.entropies_bits.mean()),
            publication=setting.bits,
            theory=layered_entropy_bits(rate_per_s, setting.delay_mean_s, setting.layers, width=width) - lacks_bits,
            pool=pool,
            effort=effort,
            lacks_bits=lacks_bits,
        )
    ]


def capacity_rows(setting: publications.Needed, effort: Effort, generator: Generator) -> Sequence[Row]:
    """Send the rate that is said to give so many bits, and see how many it gives."""
    delay_mean_s = publications.CAPACITY_DELAYS_S / publications.CAPACITY_LAYERS
    # As many mixes side by side as leave each twice the pool that the closed form needs.
    width = int(min(10, max(1, setting.rate_per_s * delay_mean_s // (2 * LEAST_POOL))))
    done = trace(
        rate_per_s=setting.rate_per_s,
        width=width,
        layers=publications.CAPACITY_LAYERS,
        delay_mean_s=delay_mean_s,
        link_latency_s=publications.MIXIM_LINK_S,
        generator=generator,
        targets=_followed(effort, setting.rate_per_s, max(100, round(500_000 / setting.rate_per_s))),
    )
    return [
        _entropy_row(
            "capacity",
            f"lambda={setting.rate_per_s:g}",
            simulated=float(done.entropies_bits.mean()),
            publication=setting.bits,
            theory=layered_entropy_bits(setting.rate_per_s, delay_mean_s, publications.CAPACITY_LAYERS),
            pool=setting.rate_per_s * delay_mean_s / width,
            effort=effort,
        )
    ]


def _targets(layers: int, pool: float) -> int:
    """Return how many targets leave an error of 0.002 bit: one mix varies by 1 / sqrt(pool) of a bit, layers less."""
    return max(1000, round(500_000 / pool)) if layers == 1 else 600


def _followed(effort: Effort, rate_per_s: float, of_long_form: int) -> int:
    """Return how many targets the effort allows; few in the short form if plain Python follows many packets."""
    wanted = effort.targets(of_long_form)
    return min(wanted, _FEW_TARGETS) if rate_per_s > _FAST_PER_S and effort == QUICK and not HAS_NATIVE else wanted


def two_layers_lack_bits(pool: float, width: int) -> float:
    """Return by how much two layers' entropy is below theory, which spreads a target evenly over the second layer.

    The mix of the first lets it go in shares of 1 / pool, of which each of `width` mixes of the second gets its own:
    pool / width of them in a mean delay. Their chance makes the mass in a mix vary by sqrt(width / pool) of itself, and
    takes width / (2 pool) nats. From the third layer on it averages out.
    """
    return _BITS_A_NAT * width / (2 * pool)


def _entropy_row(
    figure: str,
    setting: str,
    *,
    simulated: float,
    publication: float,
    theory: float,
    pool: float,
    effort: Effort,
    lacks_bits: float = 0.0,
) -> Row:
    holds = pool >= LEAST_POOL
    within = effort.entropy_bits if holds else 2 * effort.entropy_bits
    reason = f"pools of {LEAST_POOL} or more: within {effort.entropy_bits} bit of both"
    if not holds:
        reason = f"pools below {LEAST_POOL}: theory is not valid; within {within} bit of what was published"
    if lacks_bits:
        reason += (
            f"; theory of two layers without the {lacks_bits:.3f} bit that they lack where the mixes of the second get "
            f"a target in {pool / publications.MIXIM_WIDTH:.0f} parts each"
        )
    return Row(
        figure=figure,
        setting=f"{setting} (pool {pool:.4g})",
        unit="bit",
        simulated=simulated,
        published=publication,
        theory=theory,
        published_within=within,
        theory_within=within if holds else None,
        reason=reason,
    )


CASES = (
    *(
        Case("loopix-fig4", f"mu={one.delay_rate_per_s:g} lambda={one.rate_per_s:g}", partial(one_mix_rows, one), 2.0)
        for one in publications.LOOPIX_FIG_4
    ),
    *(
        Case("mixim-fig7a", f"L={one.layers}", partial(layers_rows, "mixim-fig7a", one), 10.0)
        for one in publications.MIXIM_FIG_7A
    ),
    *(
        Case("mixim-fig5a", f"L={one.layers}", partial(layers_rows, "mixim-fig5a", one), 10.0)
        for one in publications.MIXIM_FIG_5A
    ),
    *(
        Case("capacity", f"lambda={one.rate_per_s:g}", partial(capacity_rows, one), 10.0)
        for one in publications.CAPACITY
    ),
)
