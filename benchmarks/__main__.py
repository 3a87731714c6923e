"""Measures launchpad, hand-written code and other tools side by side; writes JSON, and charts for the documentation.

    python benchmarks                       measures all scenarios
    python benchmarks processes stream      measures some scenarios
    python benchmarks --quick               tests that the benchmarks run, on small sizes; writes nothing
    python benchmarks --list                lists the scenarios
    python benchmarks --publish             draws charts and tables of the existing results

Skips engines that do not answer and tools that are not installed, and names them.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import results
import tables
from publish import DOCS, publish
from runner import MeasurementError, measure_scenario
from scenarios import SCENARIOS


def main() -> int:
    """Returns the exit status: 1 if a contender failed."""
    arguments = _arguments()
    if arguments.list:
        print("\n".join(f"   {name:<26}{scenario.title}" for name, scenario in SCENARIOS.items()))
        return 0
    if arguments.publish:
        publish(arguments.into or results.DIRECTORY, arguments.docs, not arguments.no_charts)
        return 0
    into = arguments.into or (None if arguments.quick else results.DIRECTORY)
    failed = False
    for name in arguments.scenarios or SCENARIOS:
        try:
            record = measure_scenario(SCENARIOS[name], arguments.quick, arguments.rounds)
        except MeasurementError as error:
            print(f"\nleft out: {name}: {error}")
            continue
        print(tables.text(record), flush=True)
        failed = failed or bool(record["failed"])
        if into is not None:
            results.save(record, into)
    if into == results.DIRECTORY:
        publish(into, arguments.docs)
    return int(failed)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help="default: all")
    parser.add_argument("--quick", action="store_true", help="one round of small sizes, as a test")
    parser.add_argument("--rounds", type=int, help="default: each scenario's own number")
    parser.add_argument(
        "--into", type=Path, metavar="DIRECTORY", help="write the results there, and no charts; read them there"
    )
    parser.add_argument("--publish", action="store_true", help="draw charts and tables of the existing results")
    parser.add_argument("--no-charts", action="store_true", help="with --publish: tables alone")
    parser.add_argument("--docs", type=Path, default=DOCS, help="directory of the documentation")
    parser.add_argument("--list", action="store_true", help="list the scenarios")
    arguments = parser.parse_args()
    if unknown := set(arguments.scenarios) - set(SCENARIOS):
        parser.error(f"no such scenario: {', '.join(sorted(unknown))}; the scenarios are {', '.join(SCENARIOS)}")
    return arguments


if __name__ == "__main__":
    sys.exit(main())
