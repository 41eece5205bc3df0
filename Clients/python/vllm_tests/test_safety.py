"""Nothing that a sidecar says can hurt: valid plans of ill will, against vLLM's real scheduler."""

import os
import shutil
import socket
import tempfile
import threading
import time
import unittest

from coxswain.adapter.link import STEP_FIELDS
from coxswain.codec import decode
from coxswain.framing import FrameReader, encode_message
from coxswain.model.mirror import Mirror
from coxswain.model.plan import Plan

from . import support
from .mock_engine import MockEngine, build_scheduler, make_request


class IllSidecar:
    """A sidecar that keeps a true mirror and answers each Step with what `plan(entries)` returns."""

    def __init__(self, folder, plan):
        self.plan, self.steps = plan, 0
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(os.path.join(folder, "engine.sock"))
        self.listener.listen(4)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        frames, mirror = FrameReader(), None
        with connection:
            while True:
                try:
                    data = connection.recv(1 << 18)
                except OSError:
                    return
                if not data:
                    return
                frames.feed(data)
                while (payload := frames.next()) is not None:
                    request = decode(payload)
                    if "cancel" in request:
                        continue
                    if request["method"].endswith("Register"):
                        mirror = Mirror(request["message"])
                        message = {"session": "s", "epoch": 1, "applied": None, "mirror_limits": {},
                                   "step_fields": sorted(STEP_FIELDS)}
                    else:
                        message = self.step(mirror, request["message"])
                    connection.sendall(encode_message({
                        "id": request["id"], "status": {"code": "OK"}, "message": message}))

    def step(self, mirror, step):
        mirror.apply(step)
        self.steps += 1
        message = {"epoch": step["epoch"], "seq": step["seq"]}
        if not step.get("sync"):
            message["plan"] = self.plan(mirror.entries)
            try:
                mirror.plan = Plan(message["plan"], mirror.entries)
            except Exception:
                mirror.plan = None
        return message

    def close(self):
        self.listener.close()


def everybody_waits(entries):
    return {"hold_us": 100_000}


def nothing(entries):
    return {}


def pauses_all(entries):
    return {"pause": [h for h, entry in entries.items() if entry.running]} if entries else {}


def the_impossible_one(entries):
    """The largest waiting request alone, again and again."""
    waiting = [h for h, entry in entries.items() if not entry.running]
    return {"run": {"h": [max(waiting)], "n": [1]}} if waiting else {}


def requeues_all(entries):
    """Preempts whoever runs and admits who waits: nobody ever ends."""
    running = [h for h, entry in entries.items() if entry.running and not entry.unsettled]
    waiting = [h for h, entry in entries.items() if not entry.running][:8]
    return {"requeue": running, **({"run": {"h": waiting, "n": [1] * len(waiting)}} if waiting else {})}


def too_many_tokens(entries):
    handles = list(entries)[:16]
    return {"run": {"h": handles, "n": [200] * len(handles)}, "budget_tokens": 10 ** 6} if handles else {}


def too_many_requests(entries):
    return {"run": {"h": list(entries), "n": [1] * len(entries)}} if entries else {}


ILL_WILL = (everybody_waits, nothing, pauses_all, the_impossible_one, requeues_all, too_many_tokens, too_many_requests)


class SafetyTest(unittest.TestCase):
    SERVE_TIMEOUT_S = 60

    def play(self, plan, **options):
        from coxswain.vllm.scheduler import CoxswainScheduler
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder, True)
        sidecar = IllSidecar(folder, plan)
        self.addCleanup(sidecar.close)
        scheduler = build_scheduler(CoxswainScheduler, support.model(), blocks=60, additional_config={"coxswain": {
            "runtime_dir": folder, "deadline_ms": 500, "stall_ms": 20, "patience_s": 0.5, **options}})
        engine = MockEngine(scheduler, seed=1)
        for index in range(24):
            engine.add(make_request(f"r{index}", 20 + 5 * index, 10))
        until = time.monotonic() + self.SERVE_TIMEOUT_S
        while engine.live:
            output = engine.step()
            self.assertLessEqual(output.total_num_scheduled_tokens, 256)
            self.assertLessEqual(len(scheduler.running), 16)
            self.assertLess(time.monotonic(), until, f"{plan.__name__}: {scheduler.coxswain.counters.summary()}")
        counts = scheduler.coxswain.counters.counts
        self.assertEqual(engine.wrong_outputs(), [], plan.__name__)
        self.assertEqual(counts["faults"], 0, f"{plan.__name__}: {counts}")
        self.assertGreater(sidecar.steps, 0)
        scheduler.coxswain.close()
        return counts

    def test_every_request_is_served_whatever_the_plans_say(self):
        for plan in ILL_WILL:
            with self.subTest(plan.__name__):
                self.play(plan)

    def test_what_stands_behind_it(self):
        self.assertGreater(self.play(everybody_waits)["own_stall"], 0)
        self.assertGreater(self.play(requeues_all)["own_patience"], 0)
        self.assertGreater(self.play(too_many_tokens)["own_invalid"], 0)
        self.assertGreater(self.play(too_many_requests)["own_invalid"], 0)

    def test_turned_off_it_adds_nothing(self):
        from coxswain.vllm.scheduler import CoxswainScheduler
        scheduler = build_scheduler(
            CoxswainScheduler, support.model(), additional_config={"coxswain": {"enabled": False}})
        engine = MockEngine(scheduler)
        engine.add(make_request("r", 20, 10))
        while engine.live:
            engine.step()
        self.assertEqual(engine.wrong_outputs(), [])
        self.assertFalse(scheduler.coxswain.counters.counts)


if __name__ == "__main__":
    unittest.main()
