"""Measures launchpad, the bare thing and peers side by side; writes results as JSON, and the documentation's charts.

    python benchmarks                       all that can be measured here
    python benchmarks processes stream      some scenarios
    python benchmarks --quick               a smoke run: little of everything, nothing is written
    python benchmarks --list                names the scenarios
    python benchmarks --publish             draws charts and tables of the results that there are

Engines that do not answer and peers that are not installed are left out, and named.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import results
import tables
from measuring import Failed, measured
from publish import DOCS, publish
from scenarios import SCENARIOS


def main() -> int:
    """The exit status: 1 where a contender that is there failed."""
    arguments = _arguments()
    if arguments.list:
        print("\n".join(f"   {name:<26}{scenario.title}" for name, scenario in SCENARIOS.items()))
        return 0
    if arguments.publish:
        publish(results.FOLDER, arguments.docs)
        return 0
    into = arguments.into or (None if arguments.quick else results.FOLDER)
    failed = False
    for name in arguments.scenarios or SCENARIOS:
        try:
            record = measured(SCENARIOS[name], arguments.quick, arguments.rounds)
        except Failed as failure:
            print(f"\nleft out: {name}: {failure}")
            continue
        print(tables.text(record), flush=True)
        failed = failed or bool(record["failed"])
        if into is not None:
            results.save(record, into)
    if into == results.FOLDER:
        publish(into, arguments.docs)
    return int(failed)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help="all, if none is named")
    parser.add_argument("--quick", action="store_true", help="one round of little: whether it runs, not how fast")
    parser.add_argument("--rounds", type=int, help="instead of each scenario's own number")
    parser.add_argument("--into", type=Path, metavar="FOLDER", help="write the results there, and no charts")
    parser.add_argument("--publish", action="store_true", help="draw charts and tables of the results that there are")
    parser.add_argument("--docs", type=Path, default=DOCS, help="where charts and tables are written")
    parser.add_argument("--list", action="store_true", help="name the scenarios")
    arguments = parser.parse_args()
    if unknown := set(arguments.scenarios) - set(SCENARIOS):
        parser.error(f"no such scenario: {', '.join(sorted(unknown))}; there are {', '.join(SCENARIOS)}")
    return arguments


if __name__ == "__main__":
    sys.exit(main())
