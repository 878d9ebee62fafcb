"""A receiver of webhooks for tests: Flask, and the package `standardwebhooks`, which verifies the signatures.

It appends each request to the file `requests` in its folder, as one line of JSON, before it replies. The file
`settings` there says what it replies, by path. It is read for each request, and so changes at once:

    {"/hook": {
        "secrets": ["whsec_…"],        a delivery must be signed by one of them; 401 for others
        "handshake": {"headers": {}},  the headers of the reply to OPTIONS; without it there are none
        "version": 1,                  begins again with the first reply
        "replies": [{"status": 200, "delay_ms": 0, "headers": {}, "body": "", "then": ""}],
        "released": {"first": {}}      the replies to the deliveries that are held by these names
    }}

The file `ahead` says by how many seconds the clock by which signatures are verified is ahead of the system's.

Each accepted delivery takes the next reply, and the last one stays. `then` is what becomes of the connection:
`endless` sends a body without an end, `reset` resets it instead of a reply, `silent` keeps it open without one,
`break` ends it in the middle of the body, `unfinished` keeps it open there, `hold NAME` waits for the reply to those
that are held by this name.
"""

import argparse
import json
import logging
import os
import socket
import struct
import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

import standardwebhooks.webhooks
from flask import Flask, Response, request
from standardwebhooks import Webhook
from werkzeug.serving import WSGIRequestHandler, make_server

parser = argparse.ArgumentParser()
parser.add_argument("folder", type=Path)
parser.add_argument("--port", type=int, default=0)
options = parser.parse_args()

app = Flask(__name__)
# The view ends the request of a reset connection by an exception.
app.config["PROPAGATE_EXCEPTIONS"] = True
records = os.open(options.folder / "requests", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
lock = threading.Lock()
in_flight: dict[str, int] = {}
# The version of the replies of a path, and how many were taken.
taken: dict[str, tuple[int, int]] = {}


class Clock(datetime):
    """The clock of the package `standardwebhooks`."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> "Clock":
        try:
            ahead = int((options.folder / "ahead").read_text())
        except FileNotFoundError:
            ahead = 0
        return super().now(tz) + timedelta(seconds=ahead)


setattr(standardwebhooks.webhooks, "datetime", Clock)


def settings(path: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads((options.folder / "settings").read_bytes()).get(path, {})
        return found
    except FileNotFoundError:
        return {}


def next_reply(path: str, version: int, replies: list[dict[str, Any]]) -> dict[str, Any]:
    with lock:
        known, count = taken.get(path, (version, 0))
        count = count if known == version else 0
        taken[path] = (version, count + 1)
    return replies[min(count, len(replies) - 1)] if replies else {}


def is_verified(body: bytes, secrets: list[str]) -> bool:
    headers = dict(request.headers)
    for secret in secrets:
        try:
            Webhook(secret).verify(body, headers, json_parse=False)
            return True
        except Exception:
            # Not only WebhookVerificationError: malformed headers and bodies end in others.
            continue
    return False


def record(body: bytes, verified: bool, concurrent: int) -> None:
    line = {
        "time": time.time(),
        "method": request.method,
        "path": request.path,
        "query": request.query_string.decode(),
        "id": request.headers.get("webhook-id"),
        "verified": verified,
        "in_flight": concurrent,
        "headers": {name.lower(): value for name, value in request.headers},
        "body": body.decode(errors="backslashreplace"),
    }
    # One write, so that lines of several threads do not mix.
    os.write(records, (json.dumps(line) + "\n").encode())


def endless() -> Iterator[bytes]:
    while True:
        yield b"x" * 65536


def half(connection: socket.socket, body: str, breaks: bool) -> Iterator[bytes]:
    yield body[: len(body) // 2].encode()
    if breaks:
        connection.shutdown(socket.SHUT_RDWR)
    else:
        wait_for_end(connection)


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    # The files of the request would keep the socket open.
    os.close(connection.detach())
    raise ConnectionResetError


def wait_for_end(connection: socket.socket) -> None:
    connection.recv(1, socket.MSG_PEEK)
    raise ConnectionResetError


def sleep(seconds: float) -> None:
    # time.sleep fails under libfaketime.
    threading.Event().wait(seconds)


def released(path: str, name: str) -> dict[str, Any]:
    while True:
        found: dict[str, Any] | None = settings(path).get("released", {}).get(name)
        if found is not None:
            return found
        sleep(0.005)


def reply(chosen: dict[str, Any]) -> Response:
    connection: socket.socket = request.environ["werkzeug.socket"]
    if "delay_ms" in chosen:
        sleep(chosen["delay_ms"] / 1000)
    then = chosen.get("then", "")
    if then.startswith("hold "):
        return reply(released(request.path, then.removeprefix("hold ")))
    if then == "reset":
        reset(connection)
    if then == "silent":
        wait_for_end(connection)
    body = chosen.get("body", "")
    if then == "endless":
        body = endless()
    if then in ("break", "unfinished"):
        body = half(connection, body, then == "break")
    return Response(body, status=chosen.get("status", 204), headers=chosen.get("headers"))


@app.route("/", defaults={"path": ""}, methods=["POST", "GET", "OPTIONS"], provide_automatic_options=False)
@app.route("/<path:path>", methods=["POST", "GET", "OPTIONS"], provide_automatic_options=False)
def receive(path: str) -> Response:
    chosen = settings(request.path)
    body = request.get_data()
    verified = request.method == "POST" and is_verified(body, chosen.get("secrets", []))
    with lock:
        concurrent = in_flight[request.path] = in_flight.get(request.path, 0) + 1
    try:
        record(body, verified, concurrent)
        if request.method == "OPTIONS":
            return Response(headers=(chosen.get("handshake") or {}).get("headers"))
        if not verified:
            return Response(status=401)
        return reply(next_reply(request.path, chosen.get("version", 0), chosen.get("replies", [])))
    finally:
        with lock:
            in_flight[request.path] -= 1


class Handler(WSGIRequestHandler):
    # Connections stay open for more requests.
    protocol_version = "HTTP/1.1"


logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
server = make_server("127.0.0.1", options.port, app, threaded=True, request_handler=Handler)
print(server.port, flush=True)
server.serve_forever()
