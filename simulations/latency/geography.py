"""Latencies from distances: the great circle, made longer by detours, at the speed of light in glass."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from simulations.latency.model import FloatArray
from simulations.latency.towns import TOWNS, Town

EARTH_RADIUS_KM = 6371.0
# Cables do not follow the great circle: coasts, roads and exchanges make them longer.
DETOUR = 1.5
# Light in glass: two thirds of 300,000 km/s.
SECONDS_PER_KM = 5e-6
# How far apart two places of one town are: 0 would let packets within a town arrive as they leave.
WITHIN_TOWN_KM = 30.0


def great_circle_km(
    north_degrees: ArrayLike, east_degrees: ArrayLike, other_north_degrees: ArrayLike, other_east_degrees: ArrayLike
) -> FloatArray:
    """Return the distances of points on a sphere of the Earth's mean radius (haversine formula)."""
    north, other_north = np.radians(north_degrees), np.radians(other_north_degrees)
    across = np.sin(np.radians(np.subtract(other_east_degrees, east_degrees)) / 2) ** 2
    upward = np.sin((other_north - north) / 2) ** 2
    haversine = upward + np.cos(north) * np.cos(other_north) * across
    # The haversine and not the cosine formula, which loses its digits at short distances; rounding may lift it above 1.
    return np.asarray(2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.minimum(haversine, 1.0))), dtype=np.float64)


def towns_of(area: str) -> tuple[Town, ...]:
    """Return the towns of a continent, or all for `world`."""
    return tuple(town for town in TOWNS if area in ("world", town.continent))


def latencies_s(towns: tuple[Town, ...]) -> FloatArray:
    """Return the seconds from town to town, a square array: great circle x 1.5 at 0.005 ms/km."""
    north = np.array([town.north_degrees for town in towns], dtype=np.float64)
    east = np.array([town.east_degrees for town in towns], dtype=np.float64)
    distances_km = great_circle_km(north[:, None], east[:, None], north, east)
    np.fill_diagonal(distances_km, WITHIN_TOWN_KM)
    return distances_km * (DETOUR * SECONDS_PER_KM)
