"""LaunchExecutor and LaunchFuture: what each file's name says."""
