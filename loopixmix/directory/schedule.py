"""When documents are made and fetched and descriptors uploaded, as fractions of an epoch that everybody agrees on.

epoch e starts                                                          epoch e + 1 starts
|--- nodes upload ---|                          | document e + 1 is made |
0                   1/2                 1 - lead     fetched at random times
"""

from __future__ import annotations

from loopixmix.epoch import epoch_start_s
from loopixmix.seams import Rng

MAX_LEAD_S = 300.0
RETRY_LONGEST_S = 30.0
"""All are to be back within a minute after an outage: nodes first, and then those who wait for their document."""


def publication_lead_s(epoch_length_s: int) -> float:
    """Return how long before an epoch its document is made: a quarter of an epoch, at most five minutes."""
    return min(MAX_LEAD_S, epoch_length_s / 4)


def publication_s(epoch: int, epoch_length_s: int) -> float:
    """Return the time at which the document of `epoch` is made."""
    return epoch_start_s(epoch, epoch_length_s) - publication_lead_s(epoch_length_s)


def draw_fetch_s(epoch: int, epoch_length_s: int, rng: Rng) -> float:
    """Draw the time at which to fetch the document of `epoch`: within the second and third quarter of its lead."""
    lead_s = publication_lead_s(epoch_length_s)
    return epoch_start_s(epoch, epoch_length_s) - rng.uniform(0.25, 0.75) * lead_s


def draw_upload_s(epoch: int, epoch_length_s: int, rng: Rng) -> float:
    """Draw the time at which a node uploads its descriptor in `epoch`: within the first half."""
    return epoch_start_s(epoch, epoch_length_s) + rng.uniform(0.02, 0.5) * epoch_length_s


def oldest_issue_s(document_epoch: int, epoch_length_s: int, grace_s: int) -> int:
    """Return the time since which a descriptor must have been issued to count for the document of an epoch.

    It is the start of the epoch before, and `grace_s` earlier for slow clocks: a node that uploads no more disappears
    from the document after the next.
    """
    return epoch_start_s(document_epoch - 1, epoch_length_s) - grace_s


def retry_longest_s(epoch_length_s: int) -> float:
    """Return the longest wait before a failed exchange with an authority is tried again."""
    return min(RETRY_LONGEST_S, max(1.0, epoch_length_s / 20))
