"""Counts the words of each file of a folder, in one run a file, and prints a table.

    python folder_of_files.py FOLDER

Needs `pip install 'launchpad-runs[cli]'` for the progress bar.
"""

import json
import sys
from pathlib import Path

from launchpad import LaunchExecutor, LaunchFuture, Run, SubprocessLauncher, progress


def count(file: str) -> None:
    """Executed in a process of its own. Its result is the last line that it prints."""
    words = Path(file).read_text(encoding="utf-8").split()
    print(json.dumps({"words": len(words), "distinct": len(set(words))}))


def row(future: LaunchFuture, lines: list[str]) -> str:
    """The line of the table for a run that has ended."""
    outcome, last = future.outcome, lines[-1] if lines else ""
    if outcome.ok:
        result = json.loads(last)
        return f"{future.run.name:20} {result['words']:>8} {result['distinct']:>9}"
    return f"{future.run.name:20} {outcome.reason}: {outcome.message} {last}"


def main(folder: str) -> int:
    files = sorted(path for path in Path(folder).resolve().iterdir() if path.is_file())
    runs = [
        Run.of(count, parameters={"file": file}, name=file.name, timeout=60)
        for file in files
    ]
    lines: dict[str, list[str]] = {run.id: [] for run in runs}
    rows: dict[str, str] = {}

    with LaunchExecutor(SubprocessLauncher(), max_workers=4) as executor:
        futures = executor.launch_all(
            runs, on_output=lambda run, line: lines[run.id].append(line)
        )
        for future in progress(futures):  # in the order of their ends
            rows[future.run.id] = row(future, lines[future.run.id])

    print(f"{'file':20} {'words':>8} {'distinct':>9}")
    for run in runs:  # in the order of the files
        print(rows[run.id])
    failed = [future for future in futures if not future.outcome.ok]
    print(f"{len(futures) - len(failed)} of {len(futures)} files were counted")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
