"""A fresh interpreter: how long an import takes, and how long it is until the first run's result."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time

from contenders.containers import IMAGE

from .scenario import Measured, Scenario

TIMED = """
import json, time
began = time.perf_counter()
{imports}
imported = time.perf_counter()
{launch}
print(json.dumps([(imported - began) * 1000, (time.perf_counter() - began) * 1000]))
"""

Snippets = tuple[str, str]
"""The imports of a script, and the code that launches one run and waits for it."""


def first(snippets: Snippets, size: int, quick: bool) -> Measured:
    imports, launch = snippets
    command = [sys.executable, "-c", TIMED.format(imports=imports, launch=launch)]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=WITH_BYTECODE, check=True
    )
    imported, launched = json.loads(done.stdout.splitlines()[-1])
    return {"import ms": imported, "first result ms": launched}


def first_command(command: list[str], size: int, quick: bool) -> Measured:
    """How much longer a command line takes than an empty Python, which runs in turn with it."""
    pairs = [(_duration(command), _duration(EMPTY)) for _ in range(2 if quick else 6)][1:]
    return {MORE: statistics.median(took - empty for took, empty in pairs)}


def _duration(command: list[str]) -> float:
    """Milliseconds that a command takes."""
    began = time.perf_counter()
    subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env=WITH_BYTECODE, check=True)
    return (time.perf_counter() - began) * 1000


WITH_BYTECODE = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""The environment of commands that do not compile the modules that they import, but the first time."""

EMPTY = [sys.executable, "-c", "pass"]
MORE = "ms more than an empty Python"

COMMANDS = {
    "python -c 'import click'": [sys.executable, "-c", "import click"],
    "launchpad": [sys.executable, "-m", "launchpad.cli", "run", "--", "true"],
    "GNU parallel": ["parallel", "true", ":::", "1"],
}

LOCAL = {
    "subprocess": ("import subprocess", "assert subprocess.run(['/bin/true']).returncode == 0"),
    "attrs, subprocess, threads": (  # what launchpad itself imports
        "import attrs, concurrent.futures.thread, subprocess",
        "assert subprocess.run(['/bin/true']).returncode == 0",
    ),
    "launchpad": (
        "import launchpad",
        "assert launchpad.SubprocessLauncher().submit(launchpad.Run(command=['/bin/true']))",
    ),
    "launchpad and a launcher": (
        "from launchpad import Run, SubprocessLauncher",
        "assert SubprocessLauncher().submit(Run(command=['/bin/true']))",
    ),
    "asyncio": (
        "import asyncio",
        "async def run(): return await (await asyncio.create_subprocess_exec('/bin/true')).wait()\n"
        "assert asyncio.run(run()) == 0",
    ),
    "joblib": (
        "import joblib, subprocess",
        "assert joblib.Parallel(2, 'threading')([joblib.delayed(subprocess.call)(['/bin/true'])]) == [0]",
    ),
    "PSI/J": (
        "import psij",
        "job = psij.Job(psij.JobSpec(executable='/bin/true'))\n"
        "psij.JobExecutor.get_instance('local').submit(job)\n"
        "assert job.wait().state is psij.JobState.COMPLETED",
    ),
    "parsl": (
        "import parsl, tempfile",
        "folder = tempfile.TemporaryDirectory()\n"
        "pool = parsl.executors.ThreadPoolExecutor()\n"
        "parsl.load(parsl.Config([pool], run_dir=folder.name, usage_tracking=0, initialize_logging=False))\n"
        "assert parsl.bash_app(lambda: '/bin/true')().result() == 0",
    ),
    "submitit": (
        "import submitit, tempfile",
        "folder = tempfile.TemporaryDirectory()\n"
        "command = submitit.helpers.CommandFunction(['/bin/true'], verbose=False)\n"
        "submitit.LocalExecutor(folder.name).submit(command).result()",
    ),
}

DOCKER = {
    "docker-py": (
        "import docker",
        f"docker.from_env().containers.run({IMAGE!r}, ['true'], remove=True, network_mode='none')",
    ),
    "launchpad": (
        "from launchpad import DockerLauncher, Run",
        f"with DockerLauncher(image={IMAGE!r}, network_mode='none', auto_remove=True) as launcher:\n"
        "    assert launcher.submit(Run(command=['true']))",
    ),
    "python-on-whales": (
        "from python_on_whales import docker",
        f"docker.run({IMAGE!r}, ['true'], remove=True, networks=['none'])",
    ),
}


SCENARIOS = (
    Scenario(
        name="first",
        title="A fresh interpreter's first local run",
        size="run",
        rounds=11,
        metrics=("import ms", "first result ms"),
        contenders=LOCAL,
        measure=first,
    ),
    Scenario(
        name="first-command",
        title="A command line that runs true",
        size="run",
        rounds=5,
        metrics=(MORE,),
        contenders=COMMANDS,
        measure=first_command,
    ),
    Scenario(
        name="first-container",
        title="A fresh interpreter's first container",
        size="run",
        rounds=7,
        metrics=("import ms", "first result ms"),
        contenders=DOCKER,
        measure=first,
        engine="docker",
    ),
)
