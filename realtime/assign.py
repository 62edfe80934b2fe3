"""Which find is which subject: of several that are followed at once, each keeps its own."""

from collections.abc import Sequence

from engines.geometry import Roi
from realtime.look import Look

SAME = 0.5  # overlap of the squares round two poses from which they are one subject's
NEAR = 0.1  # least overlap of the square round a pose with where its subject was


def assign(expected: Sequence[Roi], finds: Sequence[Look | None]) -> list[Look | None]:
    """For each subject its find, or None.

    Two finds of one subject, as when somebody passes in front of another, become the surer one.
    Then the nearest pair of a subject and a find is joined, and the next nearest of what is left,
    distances taken in sides of the subject's square. Subjects that jumped to each other change
    back; who was covered is missed, and looked for where it was.

    Args:
        expected: where each subject is by its motion.
        finds: what each one's look found, in the same order.
    """
    distinct: list[Look] = []
    for find in sorted(filter(None, finds), key=lambda look: -look.score):
        if all(find.own.overlap(other.own) < SAME for other in distinct):
            distinct.append(find)
    pairs = sorted(
        (place.distance(find.own) / place.size, subject, number)
        for subject, place in enumerate(expected)
        for number, find in enumerate(distinct)
        if place.overlap(find.own) >= NEAR
    )
    joined: dict[int, int] = {}
    for _, subject, number in pairs:
        if subject not in joined and number not in joined.values():
            joined[subject] = number
    return [
        distinct[joined[subject]] if subject in joined else None for subject in range(len(expected))
    ]
