"""Makes one measurement in this process and prints it as JSON, or prints the version of an engine.

python measurement_script.py SCENARIO CONTENDER SIZE [quick]
python measurement_script.py ENGINE
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
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))  # ends the runs in flight, too
    main(*sys.argv[1:])
