"""Towns in which people live or servers stand: a short list of our own, coordinates rounded to whole degrees.

The weights are our own round estimates, in no unit: of the people who live around, and of the servers that stand there.
Change them as you like; results depend on them only through the spread of distances.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Continent = Literal["africa", "asia", "europe", "north_america", "oceania", "south_america"]


class Town(NamedTuple):
    """A town: degrees north and east, and its weights among users and among nodes."""

    name: str
    continent: Continent
    north_degrees: float
    east_degrees: float
    users: float
    nodes: float


TOWNS: tuple[Town, ...] = (
    Town("Amsterdam", "europe", 52, 5, 3, 12),
    Town("Athens", "europe", 38, 24, 3, 1),
    Town("Barcelona", "europe", 41, 2, 5, 2),
    Town("Berlin", "europe", 53, 13, 5, 5),
    Town("Bucharest", "europe", 44, 26, 2, 4),
    Town("Dublin", "europe", 53, -6, 2, 4),
    Town("Frankfurt", "europe", 50, 9, 5, 14),
    Town("Helsinki", "europe", 60, 25, 2, 5),
    Town("Kyiv", "europe", 50, 31, 4, 2),
    Town("Lisbon", "europe", 39, -9, 3, 1),
    Town("London", "europe", 52, 0, 12, 9),
    Town("Madrid", "europe", 40, -4, 6, 2),
    Town("Milan", "europe", 45, 9, 6, 2),
    Town("Paris", "europe", 49, 2, 11, 9),
    Town("Prague", "europe", 50, 14, 2, 3),
    Town("Stockholm", "europe", 59, 18, 2, 5),
    Town("Vienna", "europe", 48, 16, 3, 3),
    Town("Warsaw", "europe", 52, 21, 3, 3),
    Town("Zurich", "europe", 47, 9, 2, 6),
    Town("Chicago", "north_america", 42, -88, 9, 5),
    Town("Dallas", "north_america", 33, -97, 8, 4),
    Town("Denver", "north_america", 40, -105, 3, 2),
    Town("Los Angeles", "north_america", 34, -118, 13, 5),
    Town("Mexico City", "north_america", 19, -99, 16, 1),
    Town("Miami", "north_america", 26, -80, 6, 3),
    Town("Montreal", "north_america", 46, -74, 4, 5),
    Town("New York", "north_america", 41, -74, 19, 8),
    Town("Seattle", "north_america", 48, -122, 4, 4),
    Town("Toronto", "north_america", 44, -79, 6, 4),
    Town("Washington", "north_america", 39, -77, 6, 8),
    Town("Bogota", "south_america", 5, -74, 9, 1),
    Town("Buenos Aires", "south_america", -35, -58, 14, 1),
    Town("Lima", "south_america", -12, -77, 9, 1),
    Town("Sao Paulo", "south_america", -24, -47, 20, 3),
    Town("Cairo", "africa", 30, 31, 16, 1),
    Town("Johannesburg", "africa", -26, 28, 9, 1),
    Town("Lagos", "africa", 6, 3, 14, 1),
    Town("Nairobi", "africa", -1, 37, 5, 1),
    Town("Delhi", "asia", 29, 77, 24, 1),
    Town("Hong Kong", "asia", 22, 114, 7, 4),
    Town("Istanbul", "asia", 41, 29, 14, 1),
    Town("Jakarta", "asia", -6, 107, 20, 1),
    Town("Mumbai", "asia", 19, 73, 20, 2),
    Town("Seoul", "asia", 38, 127, 18, 3),
    Town("Singapore", "asia", 1, 104, 5, 6),
    Town("Tehran", "asia", 36, 51, 10, 1),
    Town("Tokyo", "asia", 36, 140, 25, 6),
    Town("Auckland", "oceania", -37, 175, 2, 1),
    Town("Sydney", "oceania", -34, 151, 5, 3),
)
