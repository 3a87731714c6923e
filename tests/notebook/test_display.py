"""The display in a notebook: bars, and objects as the last expression of a cell."""

from __future__ import annotations

import pytest

from .notebook import Cell, Notebook

HELD = """
import pathlib
go = pathlib.Path("go")
go.unlink(missing_ok=True)
hold = "while [ ! -e go ]; do sleep 0.02; done; "
runs = [Run(command=["sh", "-c", hold + f"exit {code}"], name=f"<b>{code}</b>") for code in (0, 3)]
"""


def html_of(cell: Cell) -> str:
    (display,) = cell.displays
    return display["data"]["text/html"]


def test_the_bar_is_updated_in_its_cell_and_becomes_a_summary(shared: Notebook) -> None:
    shared.run(HELD + "executor = LaunchExecutor(SubprocessLauncher(), 1, progress=True)")
    cell = shared.run("futures = executor.launch_all(runs)")
    shared.until(lambda: any("1 running" in update["data"]["text/plain"] for update in cell.updates))
    later = shared.run("go.touch(); executor.shutdown()")
    last = cell.updates[-1]
    assert last["transient"] == cell.displays[0]["transient"]
    assert last["data"]["text/plain"].startswith("2 runs: 1 succeeded, 1 failed in 0:0")
    assert "&lt;b&gt;3&lt;/b&gt;" in last["data"]["text/html"]
    assert "failed: Exited with status 3." in last["data"]["text/html"]
    assert (later.displays, later.updates) == ([], [])


def test_progress_over_futures_is_shown_in_the_cell_that_waits(shared: Notebook) -> None:
    cell = shared.run(
        "with LaunchExecutor(SubprocessLauncher()) as executor:\n"
        "    futures = [executor.submit(Run(command=['true'])) for _ in range(5)]\n"
        "    for future in progress(futures):\n"
        "        print(future.result())\n"
    )
    assert cell.text == "True\n" * 5
    assert cell.updates[-1]["data"]["text/plain"].startswith("5 runs: 5 succeeded")


@pytest.mark.parametrize(
    ("expression", "seen"),
    [
        ("launcher", ["SubprocessLauncher", "TOKEN", "***", "grace"]),
        ("future", ["LaunchFuture", "&lt;i&gt;name", "failed", "Exited with status 3.", "Handle("]),
        ("future.outcome", ["Not successful: failed", "exit_code", "3"]),
        ("executor", ["LaunchExecutor subprocess: 0 running", "SubprocessLauncher"]),
        ("refused", ["no-such-program", "was not found"]),
    ],
)
def test_objects_show_their_settings_without_secrets(shared: Notebook, expression: str, seen: list[str]) -> None:
    shared.run(
        "launcher = SubprocessLauncher(env={'TOKEN': 's3cret'}, grace=3)\n"
        "executor = LaunchExecutor(launcher, 2)\n"
        "future = executor.submit(Run(command=['sh', '-c', 'exit 3'], name='<i>name', env={'KEY': 's3cret'}))\n"
        "refused = executor.submit(Run(command=['no-such-program']))\n"
        "executor.shutdown()\n"
    )
    page = html_of(shared.run(expression))
    assert [word for word in seen if word not in page] == []
    assert "s3cret" not in page
    assert "<i>" not in page


def test_a_front_end_without_displays_affects_no_run(shared: Notebook) -> None:
    cell = shared.run(
        "def broken(*args, **kwargs):\n"
        "    raise RuntimeError('no front end')\n"
        "publisher = get_ipython().display_pub\n"
        "publisher.publish = broken\n"
        "try:\n"
        "    with LaunchExecutor(SubprocessLauncher()) as executor:\n"
        "        print([f.result() for f in progress([executor.submit(Run(command=['true']))])])\n"
        "finally:\n"
        "    del publisher.publish\n"
    )
    shared.until(lambda: "[True]" in cell.text)
    assert "Progress cannot be shown any more" in cell.text
    assert cell.error == ""
