#!/usr/bin/env python3
"""Records the messages that really travel between engines, commands and the sidecar, and has the judge validate them.

    capture.py EXECUTABLE [OUT_DIR]

A tap sits between the clients and the sidecar's sockets. Through it go the reference engine, the fault driver of
Clients/python (which sends every kind of Step) and the commands. Every reply is recorded, and every request that the
sidecar accepted, as NDJSON for `judge.py messages`. Which schema a message has is asked of Reflection/List.
"""

import asyncio
import json
import os
import sys
import tempfile
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "Clients/python"))

from coxswain import examples  # noqa: E402
from coxswain.client import Client  # noqa: E402
from coxswain.faults.process import SidecarProcess  # noqa: E402
from coxswain.framing import FrameError, FrameReader  # noqa: E402

# Of each schema and direction: all messages up to this many, later ones only with members in a new combination.
MESSAGES_MAX = 150
SHAPES_MAX = 1500
CHUNK_BYTES = 1 << 16
EXIT_RETRY = 75
RETRIES_MAX = 20
RETRY_AFTER_S = 0.5
SOCKETS = ("engine.sock", "admin.sock")


def shape(message, depth=3):
    """Which members a message has, three levels deep; arrays by their first element."""
    if depth == 0 or not isinstance(message, (dict, list)):
        return type(message).__name__
    if isinstance(message, list):
        return ("list", shape(message[0], depth - 1) if message else None)
    return tuple(sorted((name, shape(value, depth - 1)) for name, value in message.items()))


class Recorder:
    """Writes messages to one file, a bounded number of each kind."""

    def __init__(self, path, methods):
        self.file = open(path, "w", encoding="utf-8")
        self.methods = methods
        self.counts = Counter()
        self.shapes = {}

    def write(self, schema, direction, message):
        if schema is None:
            return
        kind = (schema, direction)
        shapes = self.shapes.setdefault(kind, set())
        form = shape(message)
        is_new = form not in shapes and len(shapes) < SHAPES_MAX
        if self.counts[kind] >= MESSAGES_MAX and not is_new:
            return
        shapes.add(form)
        self.counts[kind] += 1
        self.file.write(json.dumps({"schema": schema, "direction": direction, "message": message}) + "\n")


class Call:
    def __init__(self, method, message):
        self.method, self.message = method, message


class Connection:
    """One tapped connection: knows which reply answers which request."""

    def __init__(self, recorder):
        self.recorder = recorder
        self.calls = {}
        self.readers = {"request": FrameReader(), "reply": FrameReader()}

    def feed(self, direction, data):
        reader = self.readers.get(direction)
        if reader is None:
            return
        reader.feed(data)
        try:
            while (payload := reader.next()) is not None:
                self.note(direction, payload)
        except FrameError:
            del self.readers[direction]

    def note(self, direction, payload):
        try:
            envelope = json.loads(payload)
        except ValueError:
            return  # garbage that the fault driver sends on purpose
        if direction == "request":
            if isinstance(envelope, dict) and isinstance(envelope.get("method"), str):
                self.calls[envelope.get("id")] = Call(envelope["method"], envelope)
            return
        self.recorder.write("envelope-v1", "reply", {**envelope, "message": {}})
        call = self.calls.get(envelope.get("id"))
        status = envelope.get("status")
        if status is not None:
            self.calls.pop(envelope.get("id"), None)
        if call is None or call.method not in self.recorder.methods:
            return
        request_schema, reply_schema = self.recorder.methods[call.method]
        if status is None or status["code"] == "OK":
            self.recorder.write(reply_schema, "reply", envelope["message"])
        if status is not None and status["code"] == "OK":
            self.recorder.write("envelope-v1", "request", {**call.message, "message": {}})
            self.recorder.write(request_schema, "request", call.message.get("message", {}))


async def serve_tap(recorder, front, back):
    """Listens in the folder `front` and forwards to the sockets in the folder `back`."""

    async def pump(reader, writer, connection, direction):
        try:
            while data := await reader.read(CHUNK_BYTES):
                connection.feed(direction, data)
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        writer.close()

    def accept(name):
        async def tapped(client_reader, client_writer):
            try:
                server_reader, server_writer = await asyncio.open_unix_connection(f"{back}/{name}")
            except OSError:
                client_writer.close()
                return
            connection = Connection(recorder)
            await asyncio.gather(
                pump(client_reader, server_writer, connection, "request"),
                pump(server_reader, client_writer, connection, "reply"))

        return tapped

    return [await asyncio.start_unix_server(accept(name), f"{front}/{name}") for name in SOCKETS]


def methods_of(admin_socket):
    """Method -> (schema of the request, schema of the reply), by Reflection/List."""

    def name(urn):
        return None if urn is None else "-".join(urn.removeprefix("urn:coxswain:schema:").rsplit(":", 1))

    with Client(admin_socket) as client:
        listed = client.call("coxswain.v1.Reflection/List", {})["methods"]
    return {entry["method"]: (name(entry["request_schema"]), name(entry["reply_schema"])) for entry in listed}


def commands(executable, front):
    """What goes through the tap: expected exit status, schema of what it prints if it has one, command."""
    python = [sys.executable, "-m"]
    plan = Path(front, "plan.json")
    plan.write_text(json.dumps(examples.plan()), encoding="utf-8")
    yield 0, "scorecard-v1", [executable, "engine", "--first", "200", "-o", "json"]
    yield 0, "step-reply-v1", [executable, "plan", "--from", str(plan), "-o", "json"]
    yield 0, "policy-validate-reply-v1", [executable, "policy", "validate", "exerciser", "-o", "json"]
    faults = ["--socket-dir", front, "--steps", "4000", "--processes", "1", "--seed", "7"]
    yield 0, None, [*python, "coxswain.faults", *faults]
    printed = (("drain", "drain-reply-v1"), ("status", "status-v1"), ("queue", "requests-reply-v1"),
               ("snapshot", "snapshot-v1"), ("topology", "topology-v1"))
    for name, schema in printed:
        yield 0, schema, [executable, name, "-o", "json"]
    calls = (
        (0, "Plan", examples.plan()), (1, "Plan", {"register": {"engine": {"name": "x"}}}), (1, "Nothing/Here", {}),
        (0, "Admin/Drain", {"action": "resume"}), (0, "Reflection/List", {}),
        (0, "grpc.health.v1.Health/Check", {}), (0, "Policy/Get", {}),
        (0, "Policy/Validate", {"policy": {"version": 1, "name": "x", "step_tokens": 1}}),
    )
    for status, method, message in calls:
        yield status, None, [*python, "coxswain", "call", method, "--message", json.dumps(message)]


async def run(command, environment):
    process = await asyncio.create_subprocess_exec(
        *command, env=environment, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE)
    output, errors = await process.communicate()
    return process.returncode, output, errors.decode("utf-8", "replace")[-500:]


async def run_until_ready(command, environment):
    """Again after "try later": the first topology takes a moment."""
    for _ in range(RETRIES_MAX):
        status, output, errors = await run(command, environment)
        if status != EXIT_RETRY:
            break
        await asyncio.sleep(RETRY_AFTER_S)
    return status, output, errors


async def capture(executable, out):
    folder = tempfile.TemporaryDirectory(prefix="cox-tap-")
    with SidecarProcess(executable, policy="exerciser") as sidecar, folder as front:
        recorder = Recorder(out / "captured.ndjson", methods_of(sidecar.admin_socket))
        await serve_tap(recorder, front, sidecar.directory)
        environment = {**os.environ, "COXSWAIN_RUNTIME_DIR": front, "PYTHONPATH": str(ROOT / "Clients/python")}
        failures = 0
        for expected, schema, command in commands(executable, front):
            status, output, errors = await run_until_ready(command, environment)
            words = " ".join(Path(word).name if word.startswith("/") else word for word in command)
            print(f"{status:4d}  {words[:100]}")
            if status != expected:
                failures += 1
                print(f"exit status {status}, expected {expected}: {errors}", file=sys.stderr)
            elif schema is not None:
                recorder.write(schema, "output", json.loads(output))
        recorder.file.close()
    for (schema, direction), count in sorted(recorder.counts.items()):
        print(f"{count:6d} {direction:8s} {schema}")
    return recorder.counts, failures


REQUIRED = (
    ("step-v1", "request"), ("step-reply-v1", "reply"), ("register-v1", "request"), ("register-reply-v1", "reply"),
    ("plan-v1", "request"), ("status-v1", "reply"), ("snapshot-v1", "reply"), ("topology-v1", "reply"),
)


async def main(arguments):
    if len(arguments) not in (1, 2):
        print(__doc__, file=sys.stderr)
        return 64
    with tempfile.TemporaryDirectory(prefix="cox-capture-") as temporary:
        out = Path(arguments[1] if len(arguments) == 2 else temporary)
        counts, failures = await capture(str(Path(arguments[0]).resolve()), out)
        for kind in REQUIRED:
            if counts[kind] == 0:
                print(f"no {kind[1]} of {kind[0]} was seen", file=sys.stderr)
                return 1
        judge = await asyncio.create_subprocess_exec(
            sys.executable, str(ROOT / "Scripts/judge.py"), "messages", str(out))
        return 1 if await judge.wait() != 0 or failures else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))
