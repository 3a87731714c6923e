"""Counts the words of several texts, each in its own container.

    python examples/docker/words.py

The image needs only Python, because this file is mounted into the container.
"""

from __future__ import annotations

import collections
import os

TEXTS = ["the quick brown fox", "the lazy dog", "the fox and the dog"]


def count(text: str) -> None:
    for word, times in sorted(collections.Counter(text.split()).items()):
        print(times, word)


def main() -> None:
    from launchpad import DockerLauncher, LaunchExecutor, Run

    counts: collections.Counter[str] = collections.Counter()

    def add(run: Run, line: str) -> None:
        times, word = line.split()
        counts[word] += int(times)

    image = os.environ.get("LAUNCHPAD_TEST_IMAGE", "python:3.11")
    here = os.path.dirname(os.path.abspath(__file__))
    launcher = DockerLauncher(
        image=image, volumes=[f"{here}:/app:ro"], mem_limit="256m", auto_remove=True
    )
    runs = [
        Run(entrypoint="words:count", parameters={"text": text}, working_dir="/app")
        for text in TEXTS
    ]
    with launcher, LaunchExecutor(launcher, max_workers=3) as executor:
        futures = [executor.submit(run, on_output=add) for run in runs]
        assert all(future.result() for future in futures)
    for word, times in counts.most_common(3):
        print(f"{word}: {times}")


if __name__ == "__main__":
    main()
