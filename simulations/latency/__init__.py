"""Latencies of links: constant, uniform, geographic, by quantiles, or from a matrix."""

from __future__ import annotations

from simulations.latency.choice import make_latency
from simulations.latency.model import FloatArray, IntArray, LatencyModel
from simulations.latency.places import Places

__all__ = ["FloatArray", "IntArray", "LatencyModel", "Places", "make_latency"]
