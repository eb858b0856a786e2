"""What the figures mean, in plain words."""

from __future__ import annotations

from loopixmix.web.showing.markup import Content, items, paragraph, section

ABOUT: list[Content] = [
    paragraph(
        "Each person's program changed the answer by chance before it left. Nobody, not even the collector, knows the "
        "true answer of anybody. Over many answers the chance evens out, and what is shown here is what remains."
    ),
    section(
        "The two privacy losses",
        paragraph(
            "eps0 is what one answer gives away if all mixes of the network work together with the collector. Then "
            "only the change by chance protects it. With eps0 = 1, whatever is seen is at most 2.7 times as likely "
            "with one answer as with another; with 3, at most 20 times."
        ),
        paragraph(
            "eps is what it gives away if at least one mix on its way is honest. Then nobody can tell which of the "
            "reports of a batch is whose, and each is hidden among the others. The larger the smallest batch, the "
            "smaller eps. With eps = 0.1, whatever is seen is at most 1.11 times as likely; 1 time would be nothing."
        ),
        paragraph(
            "delta is the chance that eps does not hold. The Sybil share is the part of the reports that may be an "
            "attacker's: these hide nobody, and are not counted. If a person sends several reports, their losses are "
            "added."
        ),
    ),
    section(
        "Intervals",
        paragraph(
            "An interval of 95 % holds two kinds of noise together. One is that of any survey: these people answered, "
            "and not others. The other is the change by chance. In 95 of 100 surveys the interval holds the share in "
            "the population, if people answered as if they were drawn from it at random, and honestly."
        ),
        paragraph("It holds no other faults, such as people who did not answer, or a question that was misunderstood."),
    ),
    section(
        "Shown and raw figures",
        paragraph(
            "A raw estimate is right on average. A single one may be below 0 or over 100 %. Charts show the nearest "
            "shares that are possible. Use raw figures to compute further, such as a mean over several surveys."
        ),
    ),
    section(
        "Hidden values",
        paragraph(
            "A value that seems to be that of fewer than 5 people is hidden. So is the next smallest one, if the "
            "hidden one could be found by subtraction. Whether a value is hidden depends on the noisy count."
        ),
    ),
    section(
        "When pages change",
        items(
            "Results change only when a batch is released. Load a page again to look: there is no script that does it.",
            "How many reports wait is never told. Such a number would show the moment at which somebody answers.",
            "Queries, tables and exports of randomised reports cost no privacy: whatever is computed from them gives "
            "away no more than they do.",
            "Data sets with central noise have a budget. Each answer spends some of it, and when it is spent there is "
            "no further answer.",
        ),
    ),
]
