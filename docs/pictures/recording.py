"""Records a batch on a terminal, and draws the recording as an animated SVG for the README and the documentation.

    pip install '.[cli,dev]'
    python docs/pictures/recording.py

The frames are what the terminal really shows, at their real times. Viewers without animations show the last frame.
"""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterator
from html import escape
from itertools import groupby
from pathlib import Path

import pyte
from pyte.screens import Char

FOLDER = Path(__file__).parent
COLUMNS, LINES = 88, 20
INTERVAL = 0.2
"""Seconds between two frames."""
PAUSE = 5.0
"""Seconds for which the last frame stays, before the recording begins again."""

LINE_HEIGHT, CHARACTER_WIDTH, MARGIN = 17, 7.8, 14
BACKGROUND, FOREGROUND = "#1b1f27", "#d7dae0"
COLORS = {
    "red": "#f0717b",
    "green": "#8fce72",
    "brown": "#e5c07b",
    "blue": "#6cb2f7",
    "magenta": "#c98de0",
    "cyan": "#62c4ce",
    "brightblack": "#7f8796",
    "default": FOREGROUND,
}

COMMAND = "launchpad batch thumbnails.yaml --workers 4 --retries 1"
SCRIPT = """\
sleep $((1 + $1 % 3))
[ $1 != 14 ] || { echo cat-$1.png: not a picture >&2; exit 3; }
"""
RUNS = "".join(
    f"- {{name: cat-{number}, command: [sh, thumbnail.sh, {number!r}]}}\n" for number in map(str, range(1, 21))
)

Frame = tuple[float, list[list[Char]]]
"""The seconds since the start, and the characters of each line."""


def record() -> Iterator[Frame]:
    """Runs the batch on a terminal, and yields a frame whenever the screen has changed."""
    screen = pyte.Screen(COLUMNS, LINES)
    stream = pyte.ByteStream(screen)
    stream.feed(f"\x1b[32m$\x1b[0m {COMMAND}\r\n".encode())
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "thumbnails.yaml").write_text(RUNS)
        Path(folder, "thumbnail.sh").write_text(SCRIPT)
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
        command = [sys.executable, "-m", "launchpad.cli", *COMMAND.split()[1:]]
        environment = {**os.environ, "TERM": "xterm-256color"}
        program = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, cwd=folder, env=environment)
        os.close(theirs)
        began, shown = time.monotonic(), None
        while chunk := _read(ours, stream):
            now = time.monotonic() - began
            lines = [[screen.buffer[row][column] for column in range(COLUMNS)] for row in range(LINES)]
            if lines != shown:
                yield now, lines
                shown = lines
            if chunk is _END:
                break
        os.close(ours)
        program.wait()


_END = b"\0"


def _read(terminal: int, stream: pyte.ByteStream) -> bytes:
    """Feeds what the program writes during one interval; `_END` after its end."""
    until = time.monotonic() + INTERVAL
    while (left := until - time.monotonic()) > 0:
        if select.select([terminal], [], [], left)[0]:
            try:
                stream.feed(os.read(terminal, 65536))
            except OSError:  # the program has ended
                return _END
    return b"more"


def draw(frames: list[Frame]) -> str:
    """The frames as an SVG, in which each is visible from its time to that of the next."""
    total = frames[-1][0] + PAUSE
    used = 1 + max(row for _, lines in frames for row in range(LINES) if _text(lines[row]).strip())
    width, height = COLUMNS * CHARACTER_WIDTH + 2 * MARGIN, used * LINE_HEIGHT + 2 * MARGIN
    styles, groups = [], []
    for number, (begin, lines) in enumerate(frames):
        last = number == len(frames) - 1
        end = total if last else frames[number + 1][0]
        start, stop = (100 * moment / total for moment in (begin if number else 0.0, end))
        hidden = "visibility:visible" if last else "visibility:hidden"
        styles.append(
            f"@keyframes f{number}{{0%{{visibility:hidden}}{start:.2f}%{{visibility:visible}}"
            f"{stop:.2f}%{{visibility:hidden}}}}"
            f"#f{number}{{{hidden};animation:f{number} {total:.1f}s step-end infinite}}"
        )
        groups.append(f'<g id="f{number}">{"".join(_line(row, lines[row]) for row in range(used))}</g>')
    still = "@media (prefers-reduced-motion){g{animation:none!important}}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" role="img" '
        f'aria-label="A terminal in which launchpad batch runs twenty commands with a progress bar">\n'
        f"<style>text{{font:13px ui-monospace,Menlo,Consolas,monospace;white-space:pre}}"
        f"{''.join(styles)}{still}</style>\n"
        f'<rect width="100%" height="100%" rx="8" fill="{BACKGROUND}"/>\n' + "\n".join(groups) + "\n</svg>\n"
    )


def _line(row: int, characters: list[Char]) -> str:
    """A line of a frame: a text for each part in one colour, at the place that it has on the terminal."""
    parts, column = [], 0
    for (color, bold), group in groupby(characters, key=lambda character: (character.fg, character.bold)):
        text = "".join(character.data for character in group)
        if text.strip():
            weight = ' font-weight="bold"' if bold else ""
            fill = COLORS.get(color, f"#{color}" if len(color) == 6 else FOREGROUND)
            place = f'x="{MARGIN + column * CHARACTER_WIDTH:.1f}" y="{MARGIN + row * LINE_HEIGHT + 12}"'
            length = f'textLength="{len(text.rstrip()) * CHARACTER_WIDTH:.1f}"'
            parts.append(f'<text {place} {length} fill="{fill}"{weight}>{escape(text.rstrip())}</text>')
        column += len(text)
    return "".join(parts)


def _text(line: list[Char]) -> str:
    return "".join(character.data for character in line)


if __name__ == "__main__":
    picture = FOLDER / "batch.svg"
    picture.write_text(draw(list(record())))
    print(f"{picture}: {picture.stat().st_size // 1024} KiB")
