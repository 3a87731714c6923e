"""joblib: with the threading backend, `Parallel` launches runs and returns their
results in order.

The runs do the work, so joblib's workers can be threads. `n_jobs` is the number of runs
at a time.
"""

from joblib import Parallel, delayed

from launchpad import Run, SubprocessLauncher


def main() -> None:
    launcher = SubprocessLauncher()
    runs = [Run(command=["sh", "-c", f"exit {code}"]) for code in (0, 1, 0, 2)]
    parallel = Parallel(n_jobs=2, backend="threading")
    print(parallel(delayed(launcher.submit)(run) for run in runs))


if __name__ == "__main__":
    main()
