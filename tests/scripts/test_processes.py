"""launchpad in spawned and forked processes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .conftest import Script

Start = Callable[[str], Script]

OK = (0, "", "")


def in_child(body: str, then: str = "") -> str:
    """The last lines of a script: they execute `body` in a forked process and, after its end, `then` in the parent."""
    return f"""
def child():
    {body}

# From Python 3.12 on, a fork of a process with threads, such as an executor's workers, causes a warning.
import warnings
warnings.simplefilter("ignore", DeprecationWarning)
process = multiprocessing.get_context("fork").Process(target=child)
process.start()
process.join(30)
if process.exitcode is None:
    process.kill()
    sys.exit("the child hangs")
{then}
sys.exit(process.exitcode)
"""


def test_launchers_and_runs_can_be_sent_to_spawned_processes(script: Start) -> None:
    source = """
        def launch(code):
            return launcher.submit(Run(command=["sh", "-c", f"exit {code}"]))

        launcher = SubprocessLauncher(stream_output=False)
        if __name__ == "__main__":
            assert launcher.submit(Run(command=["true"]))
            with multiprocessing.get_context("spawn").Pool(2) as pool:
                assert pool.starmap(launcher.submit, [(Run(command=["true"]),)] * 2) == [True, True]
                assert pool.map(launch, [0, 1, 0]) == [True, False, True]
                pool.close()
                pool.join()
        """
    assert script(source).end() == OK


def test_a_launcher_that_was_used_before_a_fork_works_after_it(script: Start) -> None:
    source = """
launcher = SubprocessLauncher()
assert launcher.submit(Run(command=["true"]))
""" + in_child("sys.exit(launcher.submit(Run(command=['sh', '-c', 'exit 3'])))")
    assert script(source).end() == OK


def test_launchers_work_in_both_processes_after_a_fork_during_runs(script: Start) -> None:
    source = """
launcher = SubprocessLauncher()
with LaunchExecutor(launcher, 8) as executor:
    chatter = executor.launch_all([Run(command=["seq", "20000"])] * 8)
    chatter[0].wait_started()
    pids = []
    for _ in range(20):
        pid = os.fork()
        if pid == 0:
            os._exit(not launcher.submit(Run(command=["echo", "from a fork"])))
        pids.append(pid)
    assert [os.waitpid(pid, 0)[1] for pid in pids] == [0] * 20
    assert all(future.result() for future in chatter)
"""
    source = "import warnings; warnings.simplefilter('ignore', DeprecationWarning)\n" + source
    status, output, errors = script(source).end()
    assert (status, errors) == (0, "")
    assert (output.count("from a fork\n"), output.count("20000\n")) == (20, 8)


EXECUTOR = """
launcher = SubprocessLauncher()
executor = LaunchExecutor(launcher, 1)
future = executor.submit(Run(command=["sleep", "0.5"]))
future.wait_started()
"""


def test_an_executor_used_in_a_forked_process_is_an_error(script: Start) -> None:
    source = EXECUTOR + in_child("executor.submit(Run(command=['true']))")
    status, _, errors = script(source).end()
    assert status == 1
    assert "RuntimeError: This LaunchExecutor belongs to the process" in errors.splitlines()[-1]


@pytest.mark.parametrize("end", ["executor.shutdown()", "executor.stop()", "executor.__exit__(None, None, None)"])
def test_ending_an_executor_in_a_forked_process_does_not_affect_the_parents_runs(script: Start, end: str) -> None:
    source = EXECUTOR + in_child(end, "assert future.result()")
    assert script(source).end() == OK


def test_a_handle_of_the_parent_can_be_stopped_in_a_forked_process(script: Start) -> None:
    source = """
launcher = SubprocessLauncher()
handle = launcher.start(Run(command=["sleep", "3600"]))
""" + in_child("launcher.stop(handle)", "assert launcher.wait(handle).exit_code == -15")
    assert script(source).end() == OK
