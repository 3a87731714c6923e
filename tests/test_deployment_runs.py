"""What a deployment is used for: making and launching runs."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import attrs
import pytest

from launchpad import Deployment, Launcher, LaunchError, Reason, Retry, Run, SubprocessLauncher, UniversalLauncher
from tests.deployments import SECRET, deployment


class TestDeployment:
    def test_every_run_has_its_own_id(self) -> None:
        one = deployment(run={"command": ["true"], "name": "n", "env": {"A": 1}, "labels": {"l": "v"}, "timeout": 2})
        first, second = one.make_run(), one.make_run()
        assert first.id != second.id
        assert attrs.evolve(first, id="x") == Run(
            command=["true"], name="n", env={"A": "1"}, labels={"l": "v"}, timeout=2, id="x"
        )

    def test_parameters_override_those_of_the_deployment(self) -> None:
        one = deployment(run={"entrypoint": "a:b", "parameters": {"x": 1, "y": 2}})
        assert one.make_run(y=3, z=4, self=5).parameters == {"x": 1, "y": 3, "z": 4, "self": 5}
        assert one.make_run().parameters == {"x": 1, "y": 2}

    def test_parameters_of_a_command_are_refused(self) -> None:
        with pytest.raises(ValueError, match="parameters go with an entrypoint"):
            deployment().make_run(x=1)

    @pytest.mark.parametrize(("code", "ok"), [("0", True), ("3", False)])
    def test_launch_returns_whether_the_run_succeeded(self, code: str, ok: bool) -> None:
        assert deployment(run={"command": ["sh", "-c", f"exit {code}"]}).launch() is ok

    def test_parameters_reach_the_function(self, tmp_path: Path) -> None:
        (tmp_path / "flow.py").write_text("def main(code, more=0): raise SystemExit(code + more - 5)")
        run = {"entrypoint": "flow.py:main", "working_dir": tmp_path, "parameters": {"code": 2}}
        assert deployment(run=run).launch(more=3) is True

    def test_a_launcher_that_cannot_launch_raises(self) -> None:
        with pytest.raises(LaunchError, match="another type"):
            deployment(launcher=UniversalLauncher()).launch()

    @pytest.mark.parametrize(
        ("name", "run", "launcher", "said"),
        [
            ("", {"command": ["true"]}, SubprocessLauncher(), "name must be"),
            ("x", {"command": ["true"], "id": "5"}, SubprocessLauncher(), "run must not have an id"),
            ("x", {"comand": ["true"]}, SubprocessLauncher(), "unknown key 'comand' of Run"),
            ("x", {"command": []}, SubprocessLauncher(), "empty command"),
            ("x", Run(command=["true"]), SubprocessLauncher(), "a mapping is needed, not Run"),
            ("x", {"command": ["true"]}, {"type": "subprocess"}, "launcher must be a Launcher, not dict"),
        ],
    )
    def test_bad_values_are_refused_by_the_constructor(self, name: Any, run: Any, launcher: Any, said: str) -> None:
        with pytest.raises(ValueError, match=said):
            Deployment(name, run, launcher)

    def test_a_deployment_copies_its_values(self) -> None:
        run = {"command": ["true"], "env": {"A": "1"}}
        one = deployment(run=run)
        run["env"]["A"] = "2"  # type: ignore[index]
        assert one.run == {"command": ["true"], "env": {"A": "1"}}

    def test_a_deployment_is_copied_and_pickled_by_value_and_hashable(self) -> None:
        one = deployment()
        assert {one: 1}[pickle.loads(pickle.dumps(one))] == 1
        assert copy.deepcopy(one) == attrs.evolve(one) == one

    def test_the_repr_shows_no_values(self) -> None:
        launcher: Launcher = SubprocessLauncher(env={"TOKEN": SECRET})
        one = deployment(
            run={"entrypoint": "a:b", "env": {"T": SECRET}, "parameters": {"p": SECRET}}, launcher=launcher
        )
        assert SECRET not in repr(one)


class TestRetry:
    FILE = """
deployments:
  - name: a
    run: {command: [sh, -c, 'exit $((2 - LAUNCHPAD_ATTEMPT))']}
    launcher: {type: subprocess}
    retry: RETRY
"""

    def load(self, folder: Path, retry: str) -> Deployment:
        (folder / "deployments.yaml").write_text(self.FILE.replace("RETRY", retry))
        return Deployment.load(folder / "deployments.yaml")["a"]

    @pytest.mark.parametrize(("attempts", "ok"), [(1, False), (2, True)])
    def test_launch_launches_a_run_again(self, tmp_path: Path, attempts: int, ok: bool) -> None:
        assert self.load(tmp_path, f"{{attempts: {attempts}}}").launch() is ok

    def test_call_launches_a_run_again(self, tmp_path: Path) -> None:
        (tmp_path / "flow.py").write_text(
            "import os\ndef main(): return 1 // (int(os.environ['LAUNCHPAD_ATTEMPT']) - 1)"
        )
        run = {"entrypoint": "flow.py:main", "working_dir": str(tmp_path)}
        assert Deployment("x", run, SubprocessLauncher(), retry=Retry(2)).call() == 1

    def test_the_keys_need_no_quotes_and_survive_a_dump(self, tmp_path: Path) -> None:
        loaded = self.load(tmp_path, "{attempts: 4, on: [failed, timed_out], exit_codes: [75], wait: 0.5}")
        assert loaded.retry == Retry(4, on=[Reason.FAILED, Reason.TIMED_OUT], exit_codes=[75], wait=0.5)
        Deployment.dump(tmp_path / "copy.yaml", [loaded])
        assert Deployment.load(tmp_path / "copy.yaml")["a"] == loaded

    @pytest.mark.parametrize(
        ("retry", "said"),
        [
            ("3", "retry: a mapping is needed, not int"),
            ("{attempt: 3}", "unknown key 'attempt' of a retry .did you mean 'attempts'"),
            ("{on: [stopped]}", "retry.on: on must not have stopped"),
            ("{wait: soon}", "retry.wait: wait must be a number of seconds"),
        ],
    )
    def test_a_fault_names_the_line_and_the_key(self, tmp_path: Path, retry: str, said: str) -> None:
        with pytest.raises(ValueError, match=f":6: .*{said}"):
            self.load(tmp_path, retry)

    def test_anything_but_a_retry_is_refused(self) -> None:
        with pytest.raises(ValueError, match="retry must be a Retry, not int"):
            Deployment("x", {"command": ["true"]}, SubprocessLauncher(), retry=3)
