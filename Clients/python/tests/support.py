"""What the tests share: a sidecar per test class, an engine driven by hand."""

import copy
import sys
import time
import unittest

from coxswain import examples
from coxswain.client import Client, StatusError
from coxswain.faults.process import SidecarProcess, find_executable

STEP = "coxswain.v1.Scheduler/Step"
REGISTER = "coxswain.v1.Scheduler/Register"
TIMEOUT_US = 20_000_000
IDLE_TIMEOUT_S = 20.0


def loud_skip(case):
    print(f"\n*** SKIPPED {case}: no coxswain executable (build it, or set COXSWAIN_BIN) ***", file=sys.stderr)
    raise unittest.SkipTest("no coxswain executable")


class SidecarTest(unittest.TestCase):
    """Starts the real sidecar once per class; tests work plans out by vLLM's rules unless they name another policy."""

    policy = "vllm-v1"

    @classmethod
    def setUpClass(cls):
        executable = find_executable()
        if executable is None:
            loud_skip(cls.__name__)
        cls.sidecar = SidecarProcess(executable, policy=cls.policy)
        cls.addClassCleanup(cls.sidecar.close)
        cls.sidecar.start()

    def engine(self, **register):
        """A registered engine with a server id of its own."""
        engine = ByHand(self.sidecar, server_id=self.id(), **register)
        self.addCleanup(engine.close)
        engine.register()
        return engine

    def assert_resync(self, field, work):
        with self.assertRaises(StatusError) as caught:
            work()
        self.assertEqual((caught.exception.code, caught.exception.reason), ("FAILED_PRECONDITION", "RESYNC"))
        self.assertTrue(caught.exception.field.startswith(field), f"{caught.exception}; expected {field}")
        return caught.exception


class ByHand:
    """Sends Steps that a test writes by hand; keeps epoch, seq, clock and the names table."""

    def __init__(self, sidecar, **register):
        self.sidecar = sidecar
        self.description = copy.deepcopy(examples.register())
        self.description.update(engine_boot_id="boot", **register)
        self.client = Client(sidecar.engine_socket, idle_timeout_s=IDLE_TIMEOUT_S)
        self.now_us = self.description["now_us"] = 10 ** 10
        self.names, self.unsettled = [], None

    def close(self):
        self.client.close()

    def reconnect(self):
        self.client.close()
        self.client = Client(self.sidecar.engine_socket, idle_timeout_s=IDLE_TIMEOUT_S)

    def register(self):
        self.description["now_us"] = self.now_us
        reply = self.client.call(REGISTER, self.description, TIMEOUT_US)
        self.session, self.epoch, self.applied = reply["session"], reply["epoch"], reply["applied"]
        self.seq, self.names, self.unsettled = 0, [], None
        return reply

    def message(self, **fields):
        """The next Step's message; `arrive` = [(h, prompt, max_output), ...]."""
        self.seq += 1
        self.now_us += fields.pop("wait_us", 1000)
        free = [pool["blocks"] for pool in self.description["model"]["pools"]]
        self._settle(fields)
        step = {"epoch": self.epoch, "seq": self.seq, "now_us": self.now_us, "kv_free_blocks": free}
        arrivals = fields.pop("arrive", None)
        if arrivals:
            step.update(self._arrived(arrivals))
        step.update(fields)
        return step

    def _settle(self, fields):
        """A synchronous engine has the result of its last plan before the next Step."""
        launched = fields.get("launched", {}).get("mode", "plan") == "plan"
        if self.unsettled and launched and self.description["in_flight_max"] == 1:
            fields.setdefault("settled", [{"seq": self.unsettled, "elapsed_us": 900}])
        self.unsettled = None

    def _arrived(self, arrivals, tenant="acme"):
        new = [name for name in (tenant, "interactive") if name not in self.names]
        self.names += new
        count = len(arrivals)
        columns = {
            "h": [a[0] for a in arrivals], "id": [f"request-{a[0]}" for a in arrivals],
            "tenant": [self.names.index(tenant)] * count, "class": [self.names.index("interactive")] * count,
            "prompt": [a[1] for a in arrivals], "max_output": [a[2] for a in arrivals], "age_us": [0] * count}
        return {"arrived": columns, **({"names": new} if new else {})}

    def step(self, **fields):
        """Sends the next Step. Returns its plan, or None for a sync Step."""
        return self.send(self.message(**fields)).get("plan")

    def send(self, message, timeout_us=TIMEOUT_US):
        reply = self.client.call(STEP, message, timeout_us)
        plan = reply.get("plan", {})
        self.unsettled = message["seq"] if plan.get("run") or plan.get("decode") else None
        return reply

    def requests(self):
        """What the sidecar holds, by handle."""
        with Client(self.sidecar.admin_socket) as admin:
            reply = admin.call("coxswain.v1.Admin/Requests", {"session": self.session, "limit": 1000}, TIMEOUT_US)
        return {request["h"]: request for request in reply["sessions"][0]["requests"]}

    def counts(self, handle):
        request = self.requests()[handle]
        return request["computed"], request["output"], request["running"], request["blocked"]


def wait_until(expected, ask, seconds=10.0):
    """Asks until the answer is as expected; returns the last answer."""
    deadline = time.monotonic() + seconds
    found = ask()
    while found != expected and time.monotonic() < deadline:
        time.sleep(0.005)
        found = ask()
    return found


def charged(sidecar, tenant):
    with Client(sidecar.admin_socket) as admin:
        tenants = admin.call("coxswain.v1.Admin/Status", {}, TIMEOUT_US)["tenants"]
    return next((t["charged_tokens"] for t in tenants if t["name"] == tenant), 0)


def work(plan, seen=()):
    """{handle: tokens} of a plan; `seen`: running, unblocked handles, for decode all."""
    run = plan.get("run", {"h": [], "n": []})
    tokens = dict(zip(run["h"], run["n"]))
    if plan.get("decode") == "all":
        for handle in seen:
            if handle not in plan.get("pause", []):
                tokens.setdefault(handle, 1)
    return tokens
