"""Counts the words of each file of a folder, in one run a file, and prints a table.

    python folder_of_files.py FOLDER

Needs `pip install 'launchpad-runs[cli]'` for the progress bar.
"""

import sys
from pathlib import Path

from launchpad import LaunchExecutor, Reason, Retry, Run, SubprocessLauncher, table


def count(file: str) -> dict[str, int]:
    """Executed in a process of its own. What it returns comes back as JSON."""
    words = Path(file).read_text(encoding="utf-8").split()
    return {"words": len(words), "distinct": len(set(words))}


def main(folder: str) -> int:
    files = sorted(path for path in Path(folder).resolve().iterdir() if path.is_file())
    runs = [
        Run.of(count, parameters={"file": file}, name=file.name, timeout=60)
        for file in files
    ]
    launcher = SubprocessLauncher(stream_output=False)
    retry = Retry(2, on={Reason.TIMED_OUT})
    with LaunchExecutor(
        launcher, max_workers=4, retry=retry, output_dir="logs", progress=True
    ) as executor:
        futures = executor.launch_all(runs)

    print(f"{'file':20} {'words':>8} {'distinct':>9}")
    for future in futures:
        if future.outcome.ok:
            counts = future.value()
            print(f"{future.run.name:20} {counts['words']:>8} {counts['distinct']:>9}")
    failed = [future for future in futures if not future.outcome.ok]
    print(f"{len(futures) - len(failed)} of {len(futures)} files were counted")
    if failed:
        print(table(failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
