"""The journal of a batch: the check that it belongs to the batch, `--dry-run`, and its line at the end."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..journal import Journal
from ..journal.entry import Action
from ..journal.journal import Known
from .messages import print_message
from .options import InvalidInput

if TYPE_CHECKING:
    from ..launcher import Launcher
    from ..retry import Retry
    from .batch_file import Item


@contextmanager
def opened_for(
    journal: Journal, items: Sequence[Item], launcher: Launcher, *, skip: bool = True
) -> Iterator[Sequence[Item]]:
    """Opens the journal during the block, and gives the items; with `skip`, without those that succeeded before.

    InvalidInput if it has items, and none of this batch.
    """
    with journal:
        known = journal.prepare(((item.run, item.launcher or launcher) for item in items), launcher, skip=skip)
        if known and all(one is Known.NO for one in known) and journal.counts["missing"]:
            raise InvalidInput(
                f"{journal.path} is the journal of another batch: none of its {journal.counts['missing']} items is in "
                "the file. Take another path, which begins this batch"
            )
        left = [item for item, one in zip(items, known, strict=True) if one is not Known.SUCCEEDED]
        yield left if skip else items


def plan(journal: Journal, items: Sequence[Item], launcher: Launcher, retry: Retry | None) -> None:
    """Prints what would be done with the items, and launches nothing."""
    if not os.path.exists(journal.path):
        print_message(f"{len(items)} would be run: {journal.path} does not exist yet")
        return
    actions: Counter[Action] = Counter()
    failed = 0
    with opened_for(journal, items, launcher) as left:
        for item in left:
            found = journal.item(item.run, item.launcher or launcher, item.retry or retry, base=launcher)
            actions[found.action] += 1
            failed += found.outcome is not None and not found.outcome.ok
        counts = journal.counts
    done = f"{counts['done']} done before{f' ({failed} of them failed)' if failed else ''}"
    followed = actions[Action.FIND] + actions[Action.FOLLOW]
    missing = _rest(counts["missing"])
    print_message(f"{done}, {followed} would be followed, {actions[Action.RUN]} would be run{missing}")


def summary(journal: Journal, failed: int) -> str:
    """What was done with the items of a batch, in words."""
    counts = journal.counts
    parts = (f"{counts['done']} done before", f"{counts['adopted']} adopted", f"{counts['run']} run now")
    return f"{', '.join(parts)}, {failed} failed{_rest(counts['missing'])}"


def _rest(missing: int) -> str:
    return f"; {missing} in the journal are not in the file" if missing else ""
