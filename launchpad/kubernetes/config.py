"""Where the cluster is and which credentials to use. The only module that imports the package `kubernetes`."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

from kubernetes import client, config
from kubernetes.config import ConfigException

from ..errors import EngineUnavailable
from ..secret import Secret, without_login
from .errors import masked
from .kubeconfig import Access, Entry, select
from .login import Login

_OWN_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
_PROVIDERS = ("gcp", "oidc")
"""The auth providers that the package knows."""


def find_cluster(kubeconfig: str | None, context: str | None) -> tuple[Callable[[], Any], str]:
    """Returns a function that reads the cluster's `Configuration`, and the namespace of its context.

    The cluster is that of `kubeconfig` and `context`; without both, in a pod, the pod's own; else that of KUBECONFIG or
    `~/.kube/config`. EngineUnavailable that names the file if there is none, or a broken one.
    """
    if _is_own(kubeconfig, context):
        return _own_cluster, _own_namespace()
    first = [select(kubeconfig, context)]
    return partial(_configuration, kubeconfig, context, first), first[0].namespace


def cluster_key(kubeconfig: str | None, context: str | None) -> tuple[str, str]:
    """Identifies the cluster and the user that `find_cluster` finds, and the namespace of the context."""
    proxies = {name: value for name, value in getproxies().items() if name in ("all", "http", "https", "no")}
    if _is_own(kubeconfig, context):
        where: list[Any] = ["in-cluster", os.environ["KUBERNETES_SERVICE_HOST"], proxies]
        namespace = _own_namespace()
    else:
        access = select(kubeconfig, context)
        where = [access.cluster.value, access.user and access.user.value, proxies]
        namespace = access.namespace
    return hashlib.sha256(json.dumps(where, sort_keys=True, default=str).encode()).hexdigest(), namespace


def _is_own(kubeconfig: str | None, context: str | None) -> bool:
    return kubeconfig is None and context is None and "KUBERNETES_SERVICE_HOST" in os.environ


def _own_namespace() -> str:
    return (_OWN_NAMESPACE.read_text().strip() if _OWN_NAMESPACE.exists() else "") or "default"


def _own_cluster() -> Any:
    configuration = client.Configuration()
    try:
        config.load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
    except (ConfigException, OSError) as error:
        raise EngineUnavailable(f"The pod's own credentials cannot be read: {error}") from error
    return _with_proxies(configuration)


def _configuration(kubeconfig: str | None, context: str | None, first: list[Access]) -> Any:
    """Reads the files, but for the first time, when `first` holds what `find_cluster` has read."""
    access = first.pop() if first else select(kubeconfig, context)
    user, login = access.user, None
    if user is not None:
        provider = user.value.get("auth-provider")
        if provider and (not isinstance(provider, dict) or provider.get("name") not in _PROVIDERS):
            user.refuse("its auth-provider is not supported: use a login plugin (exec)")
        if "exec" in user.value and "token" not in user.value and not provider:
            login = Login(user, access.cluster)
            user = _logged_in(user, login)
    configuration = _loaded(access, user)
    if login is not None and login.credentials().token:
        configuration.refresh_api_key_hook = login.refresh
    if user is not None and user.value and not (configuration.api_key or configuration.cert_file):
        user.refuse("it gives no credentials that can be used: log in to the cluster again")
    return _with_proxies(configuration)


def _with_proxies(configuration: Any) -> Any:
    """Sets the proxy of the process's environment, which only newer versions of the package read."""
    configuration.host = without_login(configuration.host)  # it is part of handles and messages
    proxies = getproxies()
    if not configuration.proxy:
        configuration.proxy = proxies.get(urlsplit(configuration.host).scheme) or proxies.get("all")
    if configuration.no_proxy is None:
        configuration.no_proxy = proxies.get("no")
    return configuration


def _logged_in(user: Entry, login: Login) -> Entry:
    """`user` with the credentials that the plugin has printed in place of the plugin."""
    credentials = login.credentials()
    value = {key: one for key, one in user.value.items() if key != "exec"}
    if credentials.token:
        value["token"] = Secret(credentials.token)
    if credentials.certificate and credentials.key:
        for key, pem in (("client-certificate", credentials.certificate), ("client-key", credentials.key)):
            value[f"{key}-data"] = Secret(base64.b64encode(pem.encode()).decode())
    return Entry(user.kind, user.name, value, user.file)


def _loaded(access: Access, user: Entry | None) -> Any:
    content = {
        "current-context": access.context,
        "contexts": [{"name": access.context, "context": {"cluster": "cluster", "user": "user"}}],
        "clusters": [{"name": "cluster", "cluster": access.cluster.value}],
        "users": [{"name": "user", "user": user.value if user else {}}],
    }
    configuration, problem = client.Configuration(), ""
    try:
        config.load_kube_config_from_dict(  # type: ignore[no-untyped-call]
            content, client_configuration=configuration, persist_config=False
        )
    except Exception as error:  # of an auth provider, of any type; it may hold what cannot be encoded
        why = "" if isinstance(error, UnicodeError) else f": {error}"
        problem = masked(f"{type(error).__name__}{why}", user.value if user else {})
    if problem:
        (user or access.cluster).refuse(problem)
    return configuration


def model(name: str) -> Any:
    """The class of the package that describes a type of the API, such as V1Job; None if there is none."""
    return getattr(client, name, None)
