"""Flask: a thread of the server handles each request, and any thread may launch runs.

The application submits long runs, and clients ask for their state later. It waits for
short runs within the request. The executor belongs to the application: it is created
once and stopped when the server ends.
"""

import json
import threading
import time
import urllib.request

from flask import Flask, abort, jsonify
from flask.typing import ResponseReturnValue
from werkzeug.serving import make_server

from launchpad import LaunchExecutor, LaunchFuture, Run, SubprocessLauncher


def make_app(executor: LaunchExecutor) -> Flask:
    app = Flask(__name__)
    futures: dict[str, LaunchFuture] = {}

    @app.post("/reports/<name>")
    def launch(name: str) -> ResponseReturnValue:
        run = Run(command=["echo", f"report of {name}"])
        futures[run.id] = executor.submit(run)
        return jsonify(id=run.id), 202

    @app.get("/runs/<run_id>")
    def show(run_id: str) -> ResponseReturnValue:
        future = futures.get(run_id) or abort(404)
        if future.outcome is not None:
            return jsonify(state=str(future.outcome.reason))
        return jsonify(state="running" if future.running() else "queued")

    @app.delete("/runs/<run_id>")
    def cancel(run_id: str) -> ResponseReturnValue:
        future = futures.get(run_id) or abort(404)
        return jsonify(cancelled=future.cancel())

    @app.get("/disk")
    def disk() -> ResponseReturnValue:
        lines: list[str] = []
        run = Run(command=["df", "/"], timeout=10)
        ok = SubprocessLauncher().submit(
            run, on_output=lambda run, line: lines.append(line)
        )
        return jsonify(ok=ok, lines=lines)

    return app


def ask(method: str, url: str) -> dict[str, object]:
    request = urllib.request.Request(url, method=method)
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({})
    )  # without a proxy
    with opener.open(request) as response:
        return dict(json.load(response))


def main() -> None:
    with LaunchExecutor(SubprocessLauncher(), max_workers=4) as executor:
        server = make_server("127.0.0.1", 0, make_app(executor), threaded=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            address = f"http://127.0.0.1:{server.server_port}"
            print(ask("GET", f"{address}/disk")["ok"])
            run_id = ask("POST", f"{address}/reports/north")["id"]
            while ask("GET", f"{address}/runs/{run_id}")["state"] in (
                "queued",
                "running",
            ):
                time.sleep(0.05)
            print(ask("GET", f"{address}/runs/{run_id}"))
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


if __name__ == "__main__":
    main()
