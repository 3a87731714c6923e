"""The runs that the launchers list, and the one that a word of the command line means."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import attrs
import click

from ..errors import EngineUnavailable, LaunchError, RunNotFound
from ..launcher import Launcher, known_launchers
from ..models import Listed
from ..text import one_line, quoted
from .answers import ANSWER_TIMEOUT, answers
from .messages import print_message
from .options import make_launcher

MAX_CANDIDATES = 8
"""Runs that the error about an ambiguous word lists, at most."""

SHORT_ID = 8  # characters, which usually identify a run


@attrs.frozen
class Launchers:
    """The launchers that `--launcher` and `--set` describe: one of a type, or one of each type with its defaults."""

    kind: str | None
    settings: tuple[str, ...]

    def __attrs_post_init__(self) -> None:
        if self.settings and self.kind is None:
            raise click.UsageError("--set needs --launcher")

    def make(self, kind: str) -> Launcher:
        return make_launcher(kind, self.settings)

    def listed(self, timeout: float = ANSWER_TIMEOUT) -> Iterator[list[Listed]]:
        """The runs of one launcher after the other, as they answer.

        Without `--launcher`, those are left out that do not answer, with a message unless their engine is not there.
        """
        if self.kind is not None:
            with self.make(self.kind) as launcher:
                yield launcher.list_runs()
            return
        asked = [(kind, partial(_listed_by, partial(self.make, kind))) for kind in known_launchers()]
        for kind, answer in answers(asked, timeout):
            if isinstance(answer, list):
                yield answer
            elif answer is not None:
                print_message(f"{kind} is left out: {answer}")

    def all(self) -> list[Listed]:
        """The runs of all launchers, the oldest first."""
        found = [run for runs in self.listed() for run in runs]
        return sorted(found, key=_started)

    def find(self, word: str) -> Listed:
        """The run that `word` means. RunNotFound, or a LaunchError that lists the candidates."""
        found: list[Listed] = []
        for listed in self.listed():
            runs = last_attempts(listed)
            found += runs
            exact = [run for run in runs if run.run_id == word]
            if len(exact) == 1:  # no other launcher has a run of this id
                return exact[0]
        candidates = meant_by(word, found)
        if len(candidates) == 1:
            return candidates[0]
        if candidates:
            raise LaunchError(_ambiguity(word, candidates))
        raise RunNotFound(f"There is no run {quoted(word)}: launchpad ps lists the runs.")


def _listed_by(make: Callable[[], Launcher]) -> list[Listed] | LaunchError | None:
    """The runs of a launcher; None if it cannot be used here, the error if it should have answered."""
    try:
        with make() as launcher:
            return launcher.list_runs()
    except (EngineUnavailable, click.ClickException):
        return None
    except LaunchError as error:
        return error
    except Exception as error:
        return LaunchError(f"{type(error).__name__}: {error}")


def last_attempts(runs: Sequence[Listed]) -> list[Listed]:
    """`runs` without the ended attempts of those that were launched again."""
    latest: dict[str, float] = {}
    for run in runs:
        latest[run.run_id] = max(_started(run), latest.get(run.run_id, 0.0))
    return [run for run in runs if run.state != "ended" or _started(run) == latest[run.run_id]]


def _started(run: Listed) -> float:
    return run.started_at.timestamp() if run.started_at else 0.0


def meant_by(word: str, runs: Sequence[Listed]) -> list[Listed]:
    """The runs that `word` may mean: those with this id, else with this name, else those whose id or name begins so."""
    if not word:
        return []
    rules: list[Callable[[Listed], bool]] = [
        lambda run: word == run.run_id,
        lambda run: word in (run.name, run.handle.name),
        lambda run: run.run_id.startswith(word) or run.name.startswith(word) or run.handle.name.startswith(word),
    ]
    return next((found for rule in rules if (found := [run for run in runs if rule(run)])), [])


def short_ids(runs: Sequence[Listed]) -> list[str]:
    """The beginning of each run's id, as long as is needed to tell the runs apart."""
    ids = {run.run_id for run in runs}
    longest = max(map(len, ids), default=SHORT_ID)
    length = next((n for n in range(SHORT_ID, longest) if len({id[:n] for id in ids}) == len(ids)), longest)
    return [run.run_id[:length] for run in runs]


def _ambiguity(word: str, runs: Sequence[Listed]) -> str:
    described = [
        f"{id} ({one_line(run.name)}, {run.handle.type}, {run.state})"
        for id, run in zip(short_ids(runs), runs, strict=True)
    ]
    more = f" and {len(runs) - MAX_CANDIDATES} more" if len(runs) > MAX_CANDIDATES else ""
    return (
        f"{quoted(word)} may mean {len(runs)} runs: {', '.join(described[:MAX_CANDIDATES])}{more}. "
        "Give more of the id, or --launcher."
    )
