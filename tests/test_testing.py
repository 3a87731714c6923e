"""The fakes that we ship: what their users may count on."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import Any

import pytest

from launchpad import (
    EngineUnavailable,
    LaunchError,
    LaunchExecutor,
    NameConflict,
    Reason,
    Run,
    RunNotFound,
)
from launchpad.core.backend import Chunk, Exit
from launchpad.core.cancellation import StopToken
from launchpad.testing import FakeBackend, FakeLauncher, FakeRun, Script, ignore
from tests.helping import QUICK_TIMEOUT, in_thread

ENDLESS = Script(exit_code=None)


def job(name: str = "job", **fields: Any) -> Run:
    return Run(command=["job.sh"], name=name, **fields)


def lines_of(fake: FakeBackend, run: Run | None = None) -> list[str]:
    lines: list[str] = []
    with FakeLauncher(fake) as launcher:
        launcher.submit(run or job(), on_output=lambda run, line: lines.append(line))
    return lines


def test_a_run_without_a_script_succeeds_at_once() -> None:
    with FakeLauncher() as launcher:
        assert launcher.submit(job())
        assert [run.name for run in launcher.fake.runs] == ["job"]


def test_scripts_go_by_the_runs_name() -> None:
    with FakeLauncher(FakeBackend({"bad": Script(exit_code=3)})) as launcher:
        assert [launcher.launch(job(name)).exit_code for name in ("bad", "good")] == [3, 0]


def test_a_function_may_choose_the_script_of_each_run() -> None:
    def script(fake: FakeRun) -> Script:
        return Script(output=f"{fake.env['DAY']} {fake.parameters['size']}\n")

    run = Run(entrypoint="flows:main", parameters={"size": 5}, env={"DAY": "today"})
    assert lines_of(FakeBackend(script), run) == ["today 5"]


def test_runs_shows_the_launched_runs() -> None:
    fake, run = FakeBackend(), Run(entrypoint="flows:main", parameters={"day": "today"}, env={"A": 1, "C": None})
    with FakeLauncher(fake, env={"A": 0, "B": 2, "C": 3}) as launcher:
        launcher.submit(run)
    assert fake.runs[0].run is run
    assert (fake.runs[0].env, fake.runs[0].parameters) == ({"A": "1", "B": "2"}, {"day": "today"})
    assert fake.runs[0].spec["entrypoint"] == "flows:main"


@pytest.mark.parametrize(
    ("output", "lines"),
    [
        ("one\ntwo\n", ["one", "two"]),
        (b"one\xff\n", ["one\N{REPLACEMENT CHARACTER}"]),
        (["on", b"e\nt", "wo"], ["one", "two"]),
        (Chunk("stderr", b"oh\n"), ["oh"]),
        ([Chunk("stderr", b"e"), "o\n", Chunk("stderr", b"rr\n")], ["o", "err"]),
        ((), []),
    ],
)
def test_output_is_text_bytes_or_chunks_of_either_stream(output: Any, lines: list[str]) -> None:
    assert lines_of(FakeBackend(Script(output=output))) == lines


def test_a_script_may_set_the_whole_exit() -> None:
    end = Exit(exit_code=137, reason=Reason.OOM_KILLED, message="Out of memory.", hint="Give it more.")
    with FakeLauncher(FakeBackend(Script(exit_code=end))) as launcher:
        outcome = launcher.launch(job())
    assert (outcome.ok, outcome.exit_code, outcome.reason) == (False, 137, Reason.OOM_KILLED)
    assert (outcome.message, outcome.hint) == ("Out of memory.", "Give it more.")


def test_finish_ends_a_run() -> None:
    fake = FakeBackend(ENDLESS)
    with FakeLauncher(fake) as launcher, LaunchExecutor(launcher) as executor:
        future = executor.submit(job())
        fake.finish("job", exit_code=4)  # waits for its start
        assert future.result(QUICK_TIMEOUT) is False
    assert future.outcome.exit_code == 4


def test_a_run_writes_while_it_runs() -> None:
    received, fake = threading.Event(), FakeBackend(ENDLESS)
    with FakeLauncher(fake) as launcher:
        launched = in_thread(launcher.submit, job(), on_output=lambda run, line: received.set())
        fake.wait_for("job").write("progress\n")
        assert received.wait(QUICK_TIMEOUT)
        fake.finish("job")
        assert launched.result(QUICK_TIMEOUT) is True


def test_a_name_means_its_last_run_and_a_run_means_exactly_that_run() -> None:
    fake, first, second = FakeBackend(), job(), job()
    with FakeLauncher(fake) as launcher:
        launcher.submit(first)
        launcher.submit(second)
    assert fake.wait_for("job").run is second
    assert fake.wait_for(first).run is first


def test_waiting_for_a_run_that_is_never_launched_times_out() -> None:
    with pytest.raises(TimeoutError, match="'job' has not been started"):
        FakeBackend().wait_for("job", timeout=0)


def test_a_script_may_choose_how_a_run_ends_when_it_is_asked_to_stop() -> None:
    def say_bye(fake: FakeRun) -> None:
        fake.write("bye\n")
        fake.finish(0)

    fake = FakeBackend(Script(output="hello\n", exit_code=None, on_stop=say_bye))
    assert lines_of(fake, job(timeout=0.01)) == ["hello", "bye"]
    assert fake.runs[0].asked_to_stop.is_set()


def test_a_run_that_does_not_listen_is_killed() -> None:
    fake = FakeBackend(Script(exit_code=None, on_stop=ignore))
    with FakeLauncher(fake, grace=0.01) as launcher:
        outcome = launcher.launch(job(timeout=0.01))
    assert (outcome.exit_code, outcome.reason) == (-9, Reason.TIMED_OUT)


def test_starts_can_be_refused_a_number_of_times() -> None:
    fake = FakeBackend(Script(refusals=[NameConflict("taken"), LaunchError("no room")]))
    with FakeLauncher(fake) as launcher:
        run = job()
        with pytest.raises(LaunchError, match="no room"):
            launcher.submit(run)
        assert launcher.submit(run)
    assert len(fake.runs) == 1


def test_before_start_may_block_and_a_cancel_ends_it() -> None:
    reached = threading.Event()

    def slowly(stop_token: StopToken) -> None:
        reached.set()
        stop_token.sleep(3600)

    fake = FakeBackend(Script(before_start=slowly))
    with FakeLauncher(fake) as launcher, LaunchExecutor(launcher) as executor:
        future = executor.submit(job())
        assert reached.wait(QUICK_TIMEOUT)
        assert future.cancel()
    assert (future.cancelled(), fake.runs) == (True, [])


@pytest.mark.parametrize("output", ["late\n", ""])
def test_output_that_is_held_open_does_not_delay_the_end(output: str) -> None:
    fake = FakeBackend(Script(output="early\n", exit_code=None, holds_output=True))
    with FakeLauncher(fake) as launcher:
        lines: list[str] = []
        launched = in_thread(launcher.submit, job(), on_output=lambda run, line: lines.append(line))
        fake.finish("job")
        fake.runs[0].write(output)
        assert launched.result(QUICK_TIMEOUT) is True
    assert lines[0] == "early"


def test_lost_output_does_not_change_the_result() -> None:
    fake = FakeBackend(Script(output="early\n", exit_code=None))
    with FakeLauncher(fake) as launcher:
        launched = in_thread(launcher.submit, job())
        fake.wait_for("job").lose_output()
        fake.runs[0].write("lost\n")
        fake.finish("job", 5)
        assert launched.result(QUICK_TIMEOUT) is False
    assert [chunk.data for chunk in fake.runs[0].output] == [b"early\n"]


def test_ends_are_reported_after_the_event_stream_broke() -> None:
    fake = FakeBackend(ENDLESS)
    with FakeLauncher(fake) as launcher:
        launched = in_thread(launcher.submit, job())
        fake.wait_for("job")
        fake.break_events()
        fake.finish("job")
        fake.break_events()
        assert launched.result(QUICK_TIMEOUT) is True


def test_an_unreachable_engine_cannot_be_used() -> None:
    fake = FakeBackend(ENDLESS)
    with FakeLauncher(fake) as launcher:
        handle = launcher.start(job())
        fake.go_away()
        for use in (lambda: launcher.submit(job()), lambda: launcher.stop(handle), lambda: launcher.remove(handle)):
            with pytest.raises(EngineUnavailable, match="out of reach"):
                use()
        fake.come_back()
        assert launcher.stop(handle) is None


def test_a_run_may_vanish() -> None:
    fake = FakeBackend(ENDLESS)
    with FakeLauncher(fake) as launcher:
        launched = in_thread(launcher.launch, job())
        fake.wait_for("job").vanish()
        assert launched.result(QUICK_TIMEOUT).reason is Reason.VANISHED


def test_a_run_ends_once() -> None:
    fake = FakeBackend(Script(exit_code=2))
    with FakeLauncher(fake) as launcher:
        launcher.submit(job())
        fake.finish("job", 0)
    assert fake.runs[0].exit.exit_code == 2
    assert repr(fake.runs[0]) == "<FakeRun 'job': failed>"


def test_a_removed_run_stays_on_the_record_and_is_not_found_any_more() -> None:
    fake = FakeBackend()
    with FakeLauncher(fake) as launcher:
        handle = launcher.start(job())
        launcher.wait(handle)
        launcher.remove(handle)
        with pytest.raises(RunNotFound):
            launcher.wait(handle)
    assert [run.handle for run in fake.runs] == [handle]


def test_two_launchers_on_one_engine_see_the_same_runs() -> None:
    fake = FakeBackend(ENDLESS)
    with FakeLauncher(fake) as one, FakeLauncher(fake) as two:
        handle = one.start(job())
        two.stop(handle)
        assert one.wait(handle).ok is False


def test_closing_a_launcher_does_not_affect_another_on_the_same_engine() -> None:
    fake = FakeBackend(ENDLESS)
    with FakeLauncher(fake) as one:
        launched = in_thread(one.submit, job())
        fake.wait_for("job")
        with FakeLauncher(fake) as two:
            assert two.stop(two.start(job("other"))) is None
        fake.finish("job")
        assert launched.result(QUICK_TIMEOUT) is True


def test_a_fake_launcher_can_be_registered() -> None:
    script = (
        "from launchpad import lookup_launcher, register_launcher\n"
        "from launchpad.testing import FakeLauncher\n"
        "print(lookup_launcher(register_launcher(FakeLauncher).type).__name__)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "FakeLauncher\n"


def test_a_preview_masks_values_without_reveal() -> None:
    launcher = FakeLauncher(env={"TOKEN": "hush"})
    run = Run(entrypoint="flows:main", parameters={"key": "hush"})
    assert "hush" not in launcher.preview(run)
    assert launcher.preview(run, reveal=True).count("hush") == 2
