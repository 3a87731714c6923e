"""Takes the screenshots for the page on notebooks, with JupyterLab in a headless Chromium.

pip install '.[notebook]' jupyterlab playwright      # and Chromium
python docs/pictures/notebook.py
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Locator, Page, expect, sync_playwright

FOLDER = Path(__file__).parent
WIDTH, HEIGHT, SHARPNESS = 900, 900, 1.5
BORDER = 4
"""The height of the border of the cell below."""

TIMEOUT = 120.0
"""Seconds to wait for a condition in the browser."""

SAID = "this cell is executed while the runs of the first go on"

LAUNCHING = """\
from launchpad import LaunchExecutor, Run, SubprocessLauncher

script = "sleep $((1 + $N % 4)); echo part $N is done; exit $(($N % 9 == 5))"
runs = [
    Run(command=["sh", "-c", script], name=f"part {n}", env={"N": n})
    for n in range(24)
]
executor = LaunchExecutor(SubprocessLauncher(), max_workers=6, progress=True)
futures = executor.launch_all(runs)"""

MEANWHILE = f"""\
import time

for second in range(5):
    print("{SAID}")
    time.sleep(1)"""

SHOWING = """\
from launchpad import table

script = 'if [ $N = 2 ]; then echo "part $N has no data"; exit 1; fi; sleep 0.$N'
runs = [
    Run(command=["sh", "-c", script], name=f"part {n}", env={"N": n})
    for n in range(4)
]
with LaunchExecutor(SubprocessLauncher(), max_workers=1) as executor:
    futures = executor.launch_all(runs, on_output=lambda run, line: None)
table(futures)"""

CELLS = [LAUNCHING, MEANWHILE, "futures[5]", SHOWING]


def notebook() -> str:
    """Returns a notebook file with the cells."""
    empty = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": []}
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}, "language_info": {"name": "python"}}
    cells = [empty | {"id": f"cell-{number}", "source": source} for number, source in enumerate(CELLS)]
    return json.dumps({"cells": cells, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5})


@contextmanager
def jupyterlab(folder: Path) -> Iterator[str]:
    """Runs JupyterLab in `folder` with default settings and yields its address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    homes = {name: str(folder / ".home") for name in ("HOME", "IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR")}
    quiet = ["--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate", "--LabApp.news_url=None"]
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}"]
    server = subprocess.Popen(
        [*command, "--ServerApp.port_retries=0", "--IdentityProvider.token=", *quiet],
        cwd=folder,
        env=os.environ | homes,
        stderr=subprocess.DEVNULL,
    )
    try:
        while server.poll() is None and not answers(port):
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
        return True
    except OSError:
        return False


@contextmanager
def chromium() -> Iterator[Page]:
    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-proxy-server"]
    with sync_playwright() as playwright:
        program = os.environ.get("CHROMIUM", "/usr/bin/chromium")
        with playwright.chromium.launch(executable_path=program, args=flags) as browser:
            page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, device_scale_factor=SHARPNESS)
            page.set_default_timeout(TIMEOUT * 1000)
            expect.set_options(timeout=TIMEOUT * 1000)
            yield page


def execute(cell: Locator) -> None:
    """Executes a cell. JupyterLab ignores keys while it is still loading the notebook: then they are pressed again."""
    prompt = cell.locator(".jp-InputPrompt")
    while prompt.inner_text() == "[ ]:":
        cell.locator(".cm-content").press("Shift+Enter")
        cell.page.wait_for_timeout(500)


def output(cell: Locator) -> Locator:
    return cell.locator(".jp-OutputArea-output")


def picture(page: Page, name: str, cell: Locator, *, above: bool = False) -> None:
    """Saves a screenshot of a cell; with `above`, of all that is above it too."""
    cell.scroll_into_view_if_needed()
    page.mouse.move(0, 0)  # the row of a table below it would be highlighted
    box = cell.bounding_box()
    assert box is not None
    x, y, width, bottom = box["x"], box["y"], box["width"], box["y"] + box["height"] - BORDER
    if above:
        x, y, width = 0, 0, WIDTH
    page.screenshot(path=FOLDER / name, clip={"x": x, "y": y, "width": width, "height": bottom - y})


def take_pictures(page: Page, address: str) -> None:
    page.goto(f"{address}/doc/tree/parts.ipynb?reset")
    page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").wait_for()
    cells = page.locator(".jp-Notebook .jp-CodeCell")
    expect(cells).to_have_count(len(CELLS))
    launching, meanwhile, looking, showing = cells.all()
    execute(launching)
    execute(meanwhile)
    expect(output(meanwhile)).to_contain_text(" ".join([SAID] * 4))
    picture(page, "notebook.png", meanwhile, above=True)
    expect(launching).to_contain_text("24 runs: ")
    execute(looking)
    output(looking).locator("table").first.wait_for()
    picture(page, "notebook-future.png", looking)
    execute(showing)
    output(showing).locator("table").first.wait_for()
    picture(page, "notebook-table.png", showing)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "parts.ipynb").write_text(notebook())
        with jupyterlab(Path(folder)) as address, chromium() as page:
            take_pictures(page, address)


if __name__ == "__main__":
    main()
