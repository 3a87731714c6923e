"""What can go wrong before a run has a result, as one small tree.

A run that started and did not succeed is never an error: it gives `False`, and its `Outcome` says why. The errors here
are for what could not be launched or found at all; their messages say what to do.
"""


class LaunchError(RuntimeError):
    """A run could not be launched, or asked about. Read the message: it names what to change."""


class EngineUnavailable(LaunchError):
    """The engine, or the package that speaks to it, cannot be reached. Start or install it, then try again."""


class ImagePullError(LaunchError):
    """The image cannot be had. Check its name, its tag and the registry's login."""


class NameConflict(LaunchError):
    """Every name that was tried is taken. Choose another name, or remove what carries this one."""


class RunNotFound(LaunchError):
    """The engine no longer knows the run of this handle: it was removed, or ended where nobody could see it."""


class RunNotAvailable(LaunchError):
    """The handle belongs to another engine (host, cluster, namespace) than the launcher that was asked."""
