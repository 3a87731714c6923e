"""`KubernetesLauncher`: runs as Jobs of a Kubernetes cluster."""

from __future__ import annotations

import os
from collections.abc import Hashable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar, cast

import attrs

from ..core.backend import Backend, Spec
from ..entrypoints import parameters_environment, portable_command
from ..environment import API_URL, IMAGE, base_run_environment, image_for
from ..errors import EngineUnavailable, LaunchError
from ..launcher import Launcher, register_launcher
from ..models import ImagePullPolicy, RestartPolicy, Run
from ..schema import ANY, DURATION, KEY, PATH, TEXT
from ..secret import constructor_hides_arguments, hidden
from ..text import printable
from ..variables import ATTEMPT_LABEL, attempt_of, identity
from . import converters as fields
from . import environment, queues
from . import spec as specs
from .labels import ENDS_WITH, own_labels, valid_labels
from .schemas import JOB, PATCH

if TYPE_CHECKING:
    from .backend import KubernetesBackend


@register_launcher
@constructor_hides_arguments
@attrs.frozen(kw_only=True)
class KubernetesLauncher(Launcher):
    """Launches each run as a Job with one pod. The run's container is named "job"; by default nothing is retried.

    `image` is needed unless the manifest or LAUNCHPAD_IMAGE names one. `namespace` defaults to that of the context, or
    of the pod that launches. `job` is a base manifest, or the path of its YAML or JSON file. Fields you set override
    the manifest; defaults do not. `customizations` is a JSON patch (a list, a JSON string or the path of a file), and
    is applied last. `resources` are as in a manifest: `{"requests": {…}, "limits": {…}}`.

    A value of `env` may be a reference to a secret or a config map of the namespace, `{"secret": NAME, "key": KEY}` or
    `{"configmap": NAME, "key": KEY}`. `env_from`, such as `["secret:db", "configmap:site"]`, makes each of their keys a
    variable; where several have a key, the last one counts, and `env` overrides them all.

    A run ends when its Job has ended. With `ends_with="container"`, it ends with the container "job": the Job is then
    deleted, which stops the sidecars that go on.

    With `queue`, the Job is suspended until Kueue admits it from the queue of this name. A run is given up if its pod
    has not started `pod_watch_timeout` seconds after its Job was created, or admitted; None sets no limit.

    `job_watch_timeout` limits how long a run may take, as `Run.timeout` does; the smaller one counts. Neither passes
    while the Job is suspended. The cluster removes a Job `finished_job_ttl` seconds after its end; None keeps it.

    The cluster is that of `kubeconfig` and `context`; without both, in a pod, the pod's own; else that of KUBECONFIG or
    `~/.kube/config`.
    """

    type: ClassVar[str] = "kubernetes"
    connects_by: ClassVar[tuple[str, ...]] = ("context", "kubeconfig", "namespace", "job")
    instead_of_stdin: ClassVar[str | None] = (
        "put it in a ConfigMap or a Secret that the manifest (`job`) mounts, or in a volume, and have the run read that"
    )

    # Wider than that of the base class: a reference in place of a value.
    env: dict[str, str | environment.Reference | None] = attrs.field(  # type: ignore[assignment]
        factory=dict, converter=environment.env, repr=environment.masked, metadata={KEY: {ANY: TEXT}}
    )
    env_from: list[str] = attrs.field(factory=list, converter=environment.env_from)
    image: str | None = attrs.field(default=None, converter=fields.image)
    namespace: str | None = attrs.field(default=None, converter=fields.namespace)
    service_account_name: str | None = attrs.field(default=None, converter=fields.service_account_name)
    labels: dict[str, str] = attrs.field(factory=dict, converter=fields.labels)
    image_pull_policy: ImagePullPolicy | None = attrs.field(default=None, converter=fields.image_pull_policy)
    restart_policy: RestartPolicy = attrs.field(default=RestartPolicy.NEVER, converter=fields.restart_policy)
    job: dict[str, Any] | str | None = attrs.field(
        default=None, converter=fields.manifest, repr=fields.hidden, metadata={KEY: JOB, PATH: fields.absolute_file}
    )
    customizations: list[dict[str, Any]] | str = attrs.field(
        factory=list,
        converter=fields.customizations,
        repr=fields.hidden,
        metadata={KEY: PATCH, PATH: fields.absolute_file},
    )
    resources: dict[str, dict[str, str]] | None = attrs.field(default=None, converter=fields.resources)
    image_pull_secrets: list[str] = attrs.field(factory=list, converter=fields.image_pull_secrets)
    backoff_limit: int = attrs.field(default=0, converter=fields.backoff_limit)
    finished_job_ttl: float | None = attrs.field(
        default=None, converter=fields.finished_job_ttl, metadata={DURATION: True}
    )
    pod_watch_timeout: float | None = attrs.field(
        default=60.0, converter=fields.pod_watch_timeout, metadata={DURATION: True}
    )
    job_watch_timeout: float | None = attrs.field(
        default=None, converter=fields.job_watch_timeout, metadata={DURATION: True}
    )
    ends_with: str = attrs.field(default="job", converter=fields.ends_with)
    queue: str | None = attrs.field(default=None, converter=fields.queue)
    context: str | None = attrs.field(default=None, converter=fields.context)
    kubeconfig: str | None = attrs.field(
        default=None, converter=fields.kubeconfig, metadata={PATH: fields.absolute_kubeconfig}
    )
    forward_urls: list[str] = attrs.field(factory=lambda: [API_URL], converter=fields.forward_urls)

    def __attrs_post_init__(self) -> None:
        if isinstance(self.job, str) or self.customizations:
            return  # known when a spec is built
        base: dict[str, Any] = self.job or {}
        job = base.get("spec") or {}
        pod = (job.get("template") or {}).get("spec") or {}
        own = attrs.fields(type(self))
        retries = _if_set(self.backoff_limit, own.backoff_limit.default)
        policy = _if_set(self.restart_policy, own.restart_policy.default) or pod.get("restartPolicy")
        notes = {ENDS_WITH: self.ends_with}
        merged = {
            "backoffLimit": job.get("backoffLimit", self.backoff_limit) if retries is None else retries,
            "template": {"spec": {"restartPolicy": policy}},
        }
        specs.check_restarts({"metadata": {"annotations": notes}, "spec": merged})

    def spec(self, run: Run, name: str) -> Spec:
        base = fields.read_manifest(self.job)
        limited = specs.limited(base, self._timeout(run), self.pod_watch_timeout, self.ends_with)
        spec = specs.build(
            queues.queued(limited, self.queue),
            name=name,
            namespace=self.namespace,
            labels=self._labels(run),
            command=run.command or portable_command(run.entrypoint),
            defaults=self._defaults(run),
            settings=self._settings(run),
            generated_env=self._generated_env(run),
            env={**environment.with_hidden_values(self.env), **hidden(run.env), **identity(run.id, run.env)},
            env_from=self.env_from,
            customizations=fields.read_customizations(self.customizations),
            entrypoint=run.entrypoint,
        )
        if not specs.has_image(spec):
            image_for(run)  # raises the LaunchError that says so
        try:
            specs.check_restarts(spec)
        except ValueError as error:
            if isinstance(self.job, str):
                raise LaunchError(f"The manifest {self.job!r} cannot be used: {error}.") from None
            raise
        return self._unbuffered(spec, run, self.stream_output)

    def _labels(self, run: Run) -> dict[str, str]:
        given = {key: value for key, value in {**self.labels, **run.labels}.items() if key != ATTEMPT_LABEL}
        return {**valid_labels(given), **own_labels(run.id, run.name, attempt_of(run.env))}

    def _set_default(self, spec: Spec, variable: str, value: str) -> None:
        specs.set_default(spec, variable, value)

    def _defaults(self, run: Run) -> specs.Layer:
        """What is sent unless the manifest or a field overrides it."""
        known = run.entrypoint is not None or os.environ.get(IMAGE)  # else the manifest or a patch must name the image
        return specs.Layer(
            job={"backoffLimit": self.backoff_limit},
            pod={
                "restartPolicy": self.restart_policy.value,
                "terminationGracePeriodSeconds": fields.whole_seconds(self.grace, least=1),
            },
            container={"image": image_for(run) if known else None},
        )

    def _settings(self, run: Run) -> specs.Layer:
        """The fields that are set, which override the manifest."""
        own = attrs.fields(type(self))
        return specs.Layer(
            job={
                "backoffLimit": _if_set(self.backoff_limit, own.backoff_limit.default),
                "ttlSecondsAfterFinished": fields.whole_seconds(self.finished_job_ttl),
            },
            pod={
                "restartPolicy": _if_set(self.restart_policy, own.restart_policy.default),
                "serviceAccountName": self.service_account_name,
                "imagePullSecrets": [{"name": secret} for secret in self.image_pull_secrets] or None,
            },
            container={
                "image": self.image,
                "workingDir": run.working_dir,
                "imagePullPolicy": None if self.image_pull_policy is None else self.image_pull_policy.value,
                "resources": self.resources,
            },
        )

    def _generated_env(self, run: Run) -> dict[str, str]:
        forwarded = {name: os.environ[name] for name in self.forward_urls if name in os.environ}
        given = hidden({**base_run_environment(), **forwarded})
        return {**given, **parameters_environment(run.entrypoint, run.parameters)}

    def _timeout(self, run: Run) -> float | None:
        limits = [limit for limit in (run.timeout, self.job_watch_timeout) if limit is not None]
        return min(limits, default=None)

    def connect(self) -> KubernetesBackend:
        """A new connection to the launcher's cluster and namespace. EngineUnavailable, LaunchError."""
        try:
            from .backend import KubernetesBackend
            from .config import find_cluster
        except ImportError as error:
            raise EngineUnavailable(
                f"The package for Kubernetes cannot be imported ({error}): pip install 'launchpad-runs[kubernetes]'"
            ) from error
        kubeconfig = self._kubeconfig()
        configure, context_namespace = find_cluster(kubeconfig, self.context)
        return KubernetesBackend(configure, self._own_namespace() or context_namespace, self.pod_watch_timeout)

    def engine_key(self) -> Hashable:
        try:
            from .config import cluster_key
        except ImportError:
            return None  # connect raises the error
        own_namespace = self._own_namespace()  # first: a fault in the manifest is reported without a cluster, too
        cluster, context_namespace = cluster_key(self._kubeconfig(), self.context)
        return cluster, own_namespace or context_namespace

    def _backend(self) -> Backend:
        return cast("KubernetesBackend", super()._backend()).waiting(self.pod_watch_timeout)

    def _kubeconfig(self) -> str | None:
        return None if self.kubeconfig is None else os.path.expanduser(self.kubeconfig)

    def _own_namespace(self) -> str | None:
        manifest = fields.read_manifest(self.job) or {}
        return self.namespace or (manifest.get("metadata") or {}).get("namespace")

    def names(self, run: Run) -> Iterator[str]:
        return specs.job_names(run.name, run.id, attempt_of(run.env))

    def render(self, spec: Spec, *, reveal: bool) -> str:
        notes = [f"# Not used, of {self.job}: {title}" for title in fields.ignored_objects(self.job)]
        return "".join(f"{printable(note)}\n" for note in notes) + specs.render(spec, reveal)


def _if_set(value: Any, default: object) -> Any:
    """`value` as the manifest has it; None if it is the default, which the manifest may override."""
    return None if value == default else getattr(value, "value", value)
