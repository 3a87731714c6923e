"""Where the output of runs appears: in the cell that launched them."""

from __future__ import annotations

import pytest

from .notebook import Notebook

WAITS = """
import os, pathlib, threading
go = pathlib.Path("go")
go.unlink(missing_ok=True)
run = Run(command=["sh", "-c", "echo started; while [ ! -e go ]; do sleep 0.02; done; echo ended; echo err >&2"])
launcher = SubprocessLauncher()
"""
LET_GO = "go.touch(); thread.join(); print('this cell')"


LAUNCHES = {
    "an executor": "future = LaunchExecutor(launcher, 1).submit(run)\nthread = threading.Thread(target=future.result)",
    "a thread": "thread = threading.Thread(target=launcher.submit, args=(run,))",
    "a waiting thread": "thread = threading.Thread(target=launcher.wait, args=(launcher.start(run),))",
}


@pytest.mark.parametrize("launch", LAUNCHES.values(), ids=LAUNCHES)
def test_output_appears_in_the_cell_that_launched_the_run_while_a_later_one_is_executed(
    shared: Notebook, launch: str
) -> None:
    launching = shared.run(f"{WAITS}{launch}\nthread.start()")
    shared.until(lambda: "started" in launching.text)
    later = shared.run(LET_GO)
    shared.until(lambda: "ended" in launching.text and "err" in launching.text)
    assert sorted(launching.text.split()) == ["ended", "err", "started"]
    assert later.text == "this cell\n"


def test_a_thread_that_serves_several_cells_prints_each_run_into_its_cell(shared: Notebook) -> None:
    shared.run("executor = LaunchExecutor(SubprocessLauncher(), max_workers=1)")
    first = shared.run("executor.submit(Run(command=['echo', 'first'])).result()")
    second = shared.run("executor.submit(Run(command=['echo', 'second'])).result()")
    shared.until(lambda: "first" in first.text and "second" in second.text)
    assert (first.text, second.text) == ("first\n", "second\n")


def test_a_callback_prints_into_the_cell_that_launched_the_run(shared: Notebook) -> None:
    launching = shared.run(
        WAITS + "executor = LaunchExecutor(launcher, 1)\n"
        "thread = threading.Thread(target=executor.submit(run, on_output=lambda run, line: print(line)).result)\n"
        "thread.start()"
    )
    shared.until(lambda: "started" in launching.text)
    later = shared.run(LET_GO)
    shared.until(lambda: "err" in launching.text)
    assert later.text == "this cell\n"


def test_many_lines_arrive_whole_and_in_order(shared: Notebook) -> None:
    cell = shared.run("SubprocessLauncher().submit(Run(command=['seq', '20000']))")
    shared.until(lambda: cell.text.endswith("20000\n"))
    assert cell.text == "".join(f"{number}\n" for number in range(1, 20001))


def test_a_function_of_the_notebook_is_refused_with_advice(shared: Notebook) -> None:
    cell = shared.run("def work():\n    pass\nRun.of(work)")
    assert "ValueError: work is defined in a notebook" in cell.error
    assert "%%writefile tasks.py" in cell.error


def test_the_advice_works(shared: Notebook) -> None:
    shared.run("%%writefile tasks.py\ndef work(name):\n    print('hello', name)")
    cell = shared.run("import tasks\nSubprocessLauncher().submit(Run.of(tasks.work, parameters={'name': 'notebook'}))")
    shared.until(lambda: "hello notebook" in cell.text)
    assert cell.displays[0]["data"]["text/plain"] == "True"
