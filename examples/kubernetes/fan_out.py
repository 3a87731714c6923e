"""Launches a few Jobs and waits for them, on your machine or in a pod with the permissions of role.yaml.

python fan_out.py IMAGE [SHARDS]
"""

from __future__ import annotations

import sys

from launchpad import KubernetesLauncher, LaunchExecutor, Run


def main(image: str, shards: int) -> int:
    runs = [
        Run(command=["sh", "-c", f"echo shard {shard} is done"], name=f"shard {shard}")
        for shard in range(shards)
    ]
    launcher = KubernetesLauncher(image=image, finished_job_ttl=600)
    with launcher, LaunchExecutor(launcher, max_workers=10) as executor:
        futures = executor.launch_all(runs)
    failed = [future for future in futures if not future.result()]
    for future in failed:
        print(
            f"{future.run.name}: {future.outcome.reason}: {future.outcome.message}",
            file=sys.stderr,
        )
    print(f"{shards - len(failed)} of {shards} succeeded")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 3))
