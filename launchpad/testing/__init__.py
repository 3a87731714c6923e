"""An engine without processes, for tests: runs do what a `Script` says, and end when the test says so.

    fake = FakeBackend({"train": Script(output="epoch 1\\n", exit_code=3)})
    launcher = FakeLauncher(fake)
    assert not launcher.submit(Run(command=["train.sh"], name="train", env={"EPOCHS": 1}))
    assert fake.runs[0].env == {"EPOCHS": "1"}

Nothing here needs to be patched, and no test needs to sleep: a run with `exit_code=None` goes on until
`fake.finish("train")` or a stop.
"""

from .backend import FakeBackend
from .launcher import FakeLauncher
from .runs import FakeRun, Script, ignore, obey

__all__ = ["FakeBackend", "FakeLauncher", "FakeRun", "Script", "ignore", "obey"]
