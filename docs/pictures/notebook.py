"""Takes the screenshots for the page on notebooks, with JupyterLab in a headless Chromium.

pip install '.[notebook]' jupyterlab selenium      # and Chromium with its driver
python docs/pictures/notebook.py
"""

from __future__ import annotations

import base64
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

from selenium.webdriver import Chrome, ChromeOptions, Keys
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

FOLDER = Path(__file__).parent
WIDTH, HEIGHT, SHARPNESS = 900, 900, 1.5
TIMEOUT = 120.0
"""Seconds to wait for a condition in the browser."""

LAUNCHING = """\
from launchpad import LaunchExecutor, Run, SubprocessLauncher

script = "sleep $((1 + $N % 4)); echo part $N is done; exit $(($N % 9 == 5))"
runs = [
    Run(command=["sh", "-c", script], name=f"part {n}", env={"N": n})
    for n in range(24)
]
executor = LaunchExecutor(SubprocessLauncher(), max_workers=6, progress=True)
futures = executor.launch_all(runs)"""

MEANWHILE = """\
import time

for second in range(5):
    print("this cell is executed while the runs of the first go on")
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
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


def answers(address: str) -> bool:
    try:
        return bool(build_opener(ProxyHandler({})).open(f"{address}/api").status == 200)
    except OSError:
        return False


@contextmanager
def chromium() -> Iterator[Chrome]:
    options = ChromeOptions()
    for flag in ("headless", "no-sandbox", "disable-gpu", "disable-background-networking", "no-proxy-server"):
        options.add_argument(f"--{flag}")
    options.add_argument(f"--window-size={WIDTH},{HEIGHT}")
    options.add_argument(f"--force-device-scale-factor={SHARPNESS}")
    driver = os.environ.get("CHROMEDRIVER", "/usr/bin/chromedriver")
    with Chrome(options, Service(driver)) as browser:
        browser.implicitly_wait(TIMEOUT)
        yield browser


def cells(browser: Chrome) -> list[WebElement]:
    return browser.find_elements(By.CSS_SELECTOR, ".jp-Notebook .jp-CodeCell")


def execute(cell: WebElement) -> None:
    editor = cell.find_element(By.CSS_SELECTOR, ".cm-content")
    editor.click()
    editor.send_keys(Keys.SHIFT, Keys.ENTER)


def picture(browser: Chrome, name: str, x: float, y: float, width: float, height: float) -> None:
    """Saves a screenshot of this part of the window."""
    clip = {"x": x, "y": y, "width": width, "height": height, "scale": 1}
    shot = browser.execute_cdp_cmd("Page.captureScreenshot", {"clip": clip})
    (FOLDER / name).write_bytes(base64.b64decode(shot["data"]))


def take_pictures(browser: Chrome, address: str) -> None:
    wait = WebDriverWait(browser, TIMEOUT)
    wait.until(lambda _: answers(address))
    browser.get(f"{address}/doc/tree/parts.ipynb?reset")
    browser.find_element(By.CSS_SELECTOR, ".jp-Notebook-ExecutionIndicator[data-status=idle]")
    wait.until(lambda _: len(cells(browser)) == len(CELLS))
    launching, meanwhile, looking, showing = cells(browser)
    execute(launching)
    execute(meanwhile)
    wait.until(lambda _: meanwhile.text.count("\nthis cell is executed") == 4)
    picture(browser, "notebook.png", 0, 0, WIDTH, meanwhile.rect["y"] + meanwhile.rect["height"] - 4)
    wait.until(lambda _: "24 runs: " in launching.text)
    execute(looking)
    looking.find_element(By.CSS_SELECTOR, ".jp-OutputArea-output table")
    picture(browser, "notebook-future.png", **looking.rect)
    execute(showing)
    showing.find_element(By.CSS_SELECTOR, ".jp-OutputArea-output table")
    picture(browser, "notebook-table.png", **showing.rect)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "parts.ipynb").write_text(notebook())
        with jupyterlab(Path(folder)) as address, chromium() as browser:
            take_pictures(browser, address)


if __name__ == "__main__":
    main()
