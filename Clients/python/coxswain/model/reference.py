"""A small sidecar in Python, for comparison: the independent mirror and a random planner behind real sockets.

`python3 -m coxswain.model.reference --runtime-dir DIR` serves Register, Step, Unregister, Admin/Requests and
Admin/Status. When the real sidecar and this one disagree about the same engine, one of them misreads the rules.
"""

import argparse
import json
import os
import random
import selectors
import signal
import socket
import sys

from coxswain.framing import FrameError, FrameReader, encode_message

from .mirror import Mirror, Rejected
from .plan import Plan
from .planner import Planner
from .prefixes import PREFIX_FIELDS, takes_prefixes

SCHEDULER = "coxswain.v1.Scheduler/"
RESYNC_RETRY_MS_MAX = 60_000


class Failure(Exception):
    def __init__(self, code, message, **details):
        super().__init__(message)
        self.code, self.details = code, details


class SessionState:
    def __init__(self, name, epoch, register, rng, calm):
        self.name, self.epoch, self.register = name, epoch, register
        self.mirror, self.planner = Mirror(register), Planner(register, rng, calm)
        self.lost = self.replaced = False

    @property
    def rank(self):
        return self.register["server_id"], self.register["dp_rank"]


class Peer:
    """One connection."""

    def __init__(self, connection, admin):
        self.socket, self.admin = connection, admin
        self.frames, self.session, self.resyncs = FrameReader(), None, 0


class ReferenceSidecar:
    def __init__(self, directory, seed, calm=False):
        self.calm = calm
        self.rng = random.Random(seed)
        self.epoch = self.rng.randrange(10 ** 6)
        self.sessions, self.applied, self.charges = {}, {}, {}
        self.serial = 0
        self.selector = selectors.DefaultSelector()
        for name in ("engine", "admin"):
            path = os.path.join(directory, name + ".sock")
            if os.path.exists(path):
                os.unlink(path)
            listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            listener.bind(path)
            listener.listen(64)
            self.selector.register(listener, selectors.EVENT_READ, name)

    def serve(self):
        while True:
            for key, _ in self.selector.select():
                if isinstance(key.data, str):
                    connection, _ = key.fileobj.accept()
                    self.selector.register(connection, selectors.EVENT_READ, Peer(connection, key.data == "admin"))
                else:
                    self._read(key.data)

    def _read(self, peer):
        try:
            data = peer.socket.recv(1 << 16)
            if not data:
                return self._close(peer)
            peer.frames.feed(data)
            payloads = []
            try:
                while True:
                    payload = peer.frames.next()
                    if payload is None:
                        break
                    payloads.append(payload)
            except FrameError as error:
                self._handle(peer, payloads)
                self._reply(peer, 0, Failure(error.code, str(error)))
                return self._close(peer)
            self._handle(peer, payloads)
        except OSError:
            self._close(peer)

    def _close(self, peer):
        self.selector.unregister(peer.socket)
        peer.socket.close()
        self._forget(peer)

    def _forget(self, peer):
        session, peer.session = peer.session, None
        if session and self.sessions.get(session.rank) is session:
            del self.sessions[session.rank]

    def _handle(self, peer, payloads):
        requests = []
        for payload in payloads:
            try:
                request = json.loads(payload.decode("utf-8"))
                if not isinstance(request, dict) or not isinstance(request.get("id"), int) or request["id"] < 0:
                    raise ValueError("no request envelope")
                requests.append(request)
            except (ValueError, RecursionError) as error:
                self._reply(peer, 0, Failure("INVALID_ARGUMENT", str(error), field="", reason="JSON"))
        cancelled = {request["id"] for request in requests if request.get("cancel")}
        for request in requests:
            if request.get("cancel"):
                continue
            try:
                answer = self._call(peer, request, cancelled)
            except Failure as failure:
                answer = failure
            self._reply(peer, request["id"], answer)

    def _reply(self, peer, request_id, answer):
        if isinstance(answer, Failure):
            status = {"code": answer.code, "message": str(answer), "details": answer.details}
            envelope = {"id": request_id, "status": status, "message": {}}
        else:
            envelope = {"id": request_id, "status": {"code": "OK"}, "message": answer}
        peer.socket.sendall(encode_message(envelope))

    def _call(self, peer, request, cancelled):
        method, message = request.get("method", ""), request.get("message") or {}
        if method == SCHEDULER + "Step":
            return self._step(peer, message, request, cancelled)
        if method == SCHEDULER + "Register":
            return self._register(peer, message)
        if method == SCHEDULER + "Unregister":
            self._forget(peer)
            return {}
        if method == "grpc.health.v1.Health/Check":
            return {"status": "SERVING"}
        if method.startswith("coxswain.v1.Admin/") and not peer.admin:
            raise Failure("PERMISSION_DENIED", "admin verbs are served on the admin socket")
        if method == "coxswain.v1.Admin/Requests":
            return {"sessions": [self._requests(s) for s in self.sessions.values()
                                 if message.get("session") in (None, s.name)]}
        if method == "coxswain.v1.Admin/Status":
            return {"tenants": [{"name": n, "charged_tokens": t} for n, t in sorted(self.charges.items())]}
        raise Failure("UNIMPLEMENTED", f"unknown method {method}")

    def _register(self, peer, message):
        self.epoch += 1
        self.serial += 1
        session = SessionState(f"s-{self.serial}", self.epoch, message, self.rng, self.calm)
        old = self.sessions.get(session.rank)
        if old:
            old.replaced = old is not peer.session
        self._forget(peer)
        peer.session = self.sessions[session.rank] = session
        applied = self.applied.get(session.rank)
        return {
            "session": session.name, "epoch": session.epoch,
            "applied": applied[1] if applied and applied[0] == message["engine_boot_id"] else None,
            "policy_generation": 1, "mirror_limits": {"running": 1024, "waiting": 100000, "arrived_per_step": 256},
            "wire": 1, "step_fields": ["launched", "settled", "state", "untracked_tokens", "spot",
                                       *(sorted(PREFIX_FIELDS) if takes_prefixes(message) else ())]}

    def _resync(self, peer, field):
        peer.resyncs += 1
        retry = min(RESYNC_RETRY_MS_MAX, 0 if peer.resyncs < 2 else 2 ** (peer.resyncs - 2))
        raise Failure("FAILED_PRECONDITION", "resync", reason="RESYNC", field=field, retry_after_ms=retry)

    def _step(self, peer, message, request, cancelled):
        session = peer.session
        if session and session.replaced:
            raise Failure("ABORTED", "another connection registered this rank", reason="REPLACED")
        if session is None or session.lost:
            self._resync(peer, "/epoch")
        mirror = session.mirror
        try:
            if message.get("epoch") != session.epoch:
                raise Rejected("/epoch", "wrong epoch")
            if message.get("seq") != mirror.seq + 1:
                raise Rejected("/seq", f"{message.get('seq')}; expected {mirror.seq + 1}")
            charged = dict(mirror.charges)
            mirror.apply(message)
        except (Rejected, KeyError, TypeError, ValueError, AttributeError) as error:
            session.lost = True
            self._resync(peer, getattr(error, "field", "/"))
        peer.resyncs = 0
        for tenant, tokens in mirror.charges.items():
            self.charges[tenant] = self.charges.get(tenant, 0) + tokens - charged.get(tenant, 0)
        place = {"epoch": session.epoch, "seq": mirror.seq}
        self.applied[session.rank] = (session.register["engine_boot_id"], place)
        if message.get("sync"):
            return place
        if request["id"] in cancelled:
            raise Failure("CANCELLED", "applied, plan dropped", **place)
        if request.get("timeout_us", 1000) <= 1:
            raise Failure("DEADLINE_EXCEEDED", "applied, plan dropped", **place)
        body = session.planner.plan(mirror, len(message.get("arrived", {}).get("h", ())))
        mirror.plan = Plan(body, {h: MirrorSeen(entry) for h, entry in mirror.entries.items()})
        return {**place, "plan": body}

    def _requests(self, session):
        mirror = session.mirror
        listed = [
            {"h": e.h, "id": e.id, "tenant": e.tenant, "class": e.kind, "running": e.running, "blocked": e.blocked,
             "prompt": e.prompt, "max_output": e.max_output, "computed": e.computed, "output": e.output,
             "age_us": mirror.clock_us - e.arrived_us} for e in mirror.entries.values()]
        return {"session": session.name, "server_id": session.rank[0], "dp_rank": session.rank[1],
                "epoch": session.epoch, "seq": mirror.seq, "requests": listed, "total": len(listed)}


class MirrorSeen:
    __slots__ = ("running", "blocked")

    def __init__(self, entry):
        self.running, self.blocked = entry.running, entry.blocked


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runtime-dir", required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--policy", help="exerciser: random plans; anything else: calm ones")
    arguments = parser.parse_args(argv)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    os.makedirs(arguments.runtime_dir, exist_ok=True)
    ReferenceSidecar(arguments.runtime_dir, arguments.seed, calm=arguments.policy != "exerciser").serve()


if __name__ == "__main__":
    main()
