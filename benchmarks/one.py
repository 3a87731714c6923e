"""One measurement, in this process of its own, as JSON; or the version of an engine that answers.

python benchmarks/one.py SCENARIO CONTENDER SIZE [quick]
python benchmarks/one.py ENGINE
"""

from __future__ import annotations

import json
import signal
import sys

from needs import ENGINES, engine_version
from scenarios import SCENARIOS


def main(name: str, contender: str = "", size: str = "", quick: str = "") -> None:
    if name in ENGINES:
        print(json.dumps(engine_version(name)))
        return
    scenario = SCENARIOS[name]
    print(json.dumps(dict(scenario.measure(scenario.contenders[contender], int(size), bool(quick)))))


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))  # what is in flight is ended then, too
    main(*sys.argv[1:])
