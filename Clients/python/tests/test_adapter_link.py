"""The adapter's link against a sidecar that misbehaves: nothing waits beyond the deadline, everything recovers."""

import json
import os
import random
import shutil
import socket
import tempfile
import threading
import time
import unittest

from coxswain.adapter import Breaker, Counters, Link, LinkState, PlanError, Settings, SettingsError, read_plan
from coxswain.adapter.link import HOLD_S, STEP_FIELDS
from coxswain.framing import FrameReader, encode_frame, encode_message


class FakeSidecar:
    """Answers each frame with what `answer(request)` returns: bytes, or None for silence."""

    def __init__(self, path):
        self.answer = self.usual
        self.requests, self.connections = [], []
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(path)
        self.listener.listen(8)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections.append(connection)
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        frames = FrameReader()
        while True:
            try:
                data = connection.recv(1 << 16)
            except OSError:
                return
            if not data:
                return
            frames.feed(data)
            payload = frames.next()
            while payload is not None:
                request = json.loads(payload)
                self.requests.append(request)
                reply = self.answer(request)
                try:
                    connection.sendall(reply or b"")
                except OSError:
                    return
                payload = frames.next()

    @staticmethod
    def usual(request):
        if "cancel" in request:
            return None
        if request["method"].endswith("Register"):
            message = {"session": "s-1", "epoch": 7, "applied": None, "mirror_limits": {}, "wire": 1,
                       "step_fields": sorted(STEP_FIELDS)}
        else:
            message = {"epoch": request["message"]["epoch"], "seq": request["message"]["seq"], "plan": {}}
        return encode_message({"id": request["id"], "status": {"code": "OK"}, "message": message})

    def close(self):
        self.listener.close()
        for connection in self.connections:
            connection.close()


class Owner:
    def __init__(self):
        self.events = []

    def register_message(self):
        return {"server_id": "x"}

    def registered(self, reply):
        self.events.append("registered")

    def step_applied(self):
        self.events.append("applied")

    def step_rejected(self):
        self.events.append("rejected")

    def session_lost(self):
        self.events.append("lost")


class LinkTest(unittest.TestCase):
    DEADLINE_S = 0.05

    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.path = os.path.join(self.folder, "engine.sock")
        self.sidecar = FakeSidecar(self.path)
        self.addCleanup(self.sidecar.close)
        self.owner, self.counters, self.log = Owner(), Counters(), []
        self.link = Link(self.path, self.owner, self.counters, self.log.append, rng=random.Random(1))
        self.addCleanup(self.link.close)
        self.seq = 0

    def ready(self, timeout_s=10.0):
        until = time.monotonic() + timeout_s
        while not self.link.poll(time.monotonic()):
            self.assertLess(time.monotonic(), until, f"not ready: {self.link.state}, {self.log}")
            time.sleep(0.002)

    def step(self, answer=None, epoch=7):
        self.seq += 1
        if answer is not None:
            self.sidecar.answer = answer
        return self.link.step({"epoch": epoch, "seq": self.seq}, time.monotonic() + self.DEADLINE_S)

    def test_a_plan(self):
        self.ready()
        self.assertEqual(self.step(), {"epoch": 7, "seq": 1, "plan": {}})
        self.assertEqual(self.owner.events, ["registered", "applied"])

    def test_an_answer_is_slept_for_where_processors_are_short(self):
        self.link.looks = False
        self.ready()
        self.assertEqual(self.step(), {"epoch": 7, "seq": 1, "plan": {}})

        def slowly(request):
            time.sleep(4 * HOLD_S)
            return self.sidecar.usual(request)
        self.assertEqual(self.step(slowly), {"epoch": 7, "seq": 2, "plan": {}})
        self.assertIsNone(self.step(lambda request: None))

    def test_an_announcement_cancels_what_was_answered_and_only_when_a_step_may_follow(self):
        self.link.announce()
        self.ready()
        self.step()
        self.link.announce()
        self.assertEqual(self.step()["seq"], 2)
        announced = [request for request in self.sidecar.requests if "cancel" in request]
        self.assertEqual(announced, [{"id": self.sidecar.requests[1]["id"], "cancel": True}])
        self.assertIsNone(self.step(lambda request: None))
        self.link.announce()
        self.assertEqual(self.link.state, LinkState.LATE)
        self.assertEqual(len([request for request in self.sidecar.requests if "cancel" in request]), 1)

    def test_an_announcement_to_a_sidecar_that_is_gone_is_a_lost_connection(self):
        self.ready()
        self.sidecar.connections[-1].close()
        until = time.monotonic() + 10
        while self.link.state is LinkState.READY and time.monotonic() < until:
            self.link.announce()
        self.assertEqual((self.link.state, self.owner.events[-1]), (LinkState.DOWN, "lost"))
        self.ready()

    def test_no_sidecar_costs_nothing_and_is_said_once(self):
        link = Link(self.path + "-none", self.owner, self.counters, self.log.append)
        for _ in range(100):
            self.assertFalse(link.poll(time.monotonic()))
        self.assertEqual(len(self.log), 1)

    def test_silence_ends_at_the_deadline_and_a_late_reply_counts(self):
        self.ready()
        replies = []
        self.assertIsNone(self.step(lambda request: replies.append(FakeSidecar.usual(request))))
        self.assertEqual(self.link.state, LinkState.LATE)
        self.assertFalse(self.link.poll(time.monotonic()))
        self.sidecar.connections[-1].sendall(replies[0][:9])
        self.assertFalse(self.link.poll(time.monotonic()))
        self.sidecar.connections[-1].sendall(replies[0][9:])
        self.ready()
        self.assertEqual(self.owner.events[-1], "applied")
        self.assertEqual(self.step(FakeSidecar.usual)["seq"], 2)

    def test_silence_for_long_ends_the_connection(self):
        self.ready()
        self.assertIsNone(self.step(lambda request: None))
        self.assertFalse(self.link.poll(time.monotonic() + 6))
        self.assertEqual(self.link.state, LinkState.DOWN)
        self.sidecar.answer = FakeSidecar.usual
        self.ready()
        self.assertEqual(self.counters["registers"], 2)

    def test_garbage_of_every_kind_ends_the_connection_and_it_comes_back(self):
        def status(code="OK", message=None, **more):
            return lambda r: encode_message({"id": r["id"], "status": {"code": code}, "message": message or {}, **more})
        kinds = (
            lambda r: encode_frame(b"no json"), lambda r: encode_frame(b"[]"), lambda r: encode_frame(b"\xff\xfe"),
            lambda r: encode_frame(b"[" * 5000), lambda r: b"\x01\x00\x00\x00\x02{}", lambda r: b"\x00\xff\xff\xff\xff",
            lambda r: encode_message({"id": r["id"] + 1, "status": {"code": "OK"}, "message": {}}),
            lambda r: encode_message({"id": r["id"], "message": {}}), status(message={"epoch": 7, "seq": 99}),
            status(message={"epoch": 8, "seq": 1}), status("INTERNAL"), status("DEADLINE_EXCEEDED"), lambda r: b"")
        for number, kind in enumerate(kinds):
            self.ready()
            registers = self.counters["registers"]

            def answer(request, kind=kind):
                if request["method"].endswith("Register"):
                    return FakeSidecar.usual(request)
                reply = kind(request)
                if reply == b"":
                    self.sidecar.connections[-1].shutdown(socket.SHUT_RDWR)
                return reply

            self.assertIsNone(self.step(answer), number)
            self.assertNotEqual(self.link.state, LinkState.READY, number)
            self.ready()
            self.assertEqual(self.counters["registers"], registers + 1, number)

    def test_a_dropped_plan_acknowledges_the_step(self):
        self.ready()
        details = {"epoch": 7, "seq": 1}
        self.assertIsNone(self.step(lambda r: encode_message({
            "id": r["id"], "status": {"code": "DEADLINE_EXCEEDED", "message": "", "details": details}, "message": {}})))
        self.assertEqual((self.link.state, self.owner.events[-1]), (LinkState.READY, "applied"))

    def test_resync_registers_on_the_same_connection_after_the_pause(self):
        self.ready()
        details = {"reason": "RESYNC", "field": "/check/0", "retry_after_ms": 60}
        refusal = {"code": "FAILED_PRECONDITION", "message": "check differs", "details": details}
        self.assertIsNone(self.step(lambda r: encode_message({"id": r["id"], "status": refusal, "message": {}})))
        self.assertEqual(self.owner.events[-2:], ["rejected", "lost"])
        self.assertFalse(self.link.poll(time.monotonic()))
        self.sidecar.answer = FakeSidecar.usual
        self.ready()
        self.assertEqual(len(self.sidecar.connections), 1)

    def test_replaced_never_comes_back_by_itself(self):
        self.ready()
        refusal = {"code": "ABORTED", "message": "", "details": {"reason": "REPLACED"}}
        self.assertIsNone(self.step(lambda r: encode_message({"id": r["id"], "status": refusal, "message": {}})))
        self.assertFalse(self.link.poll(time.monotonic() + 100))
        self.assertEqual(self.link.state, LinkState.STOPPED)

    def test_a_sidecar_that_drains_is_asked_again_when_it_says(self):
        details = {"reason": "DRAINING", "retry_after_ms": 40_000}
        refusal = {"code": "UNAVAILABLE", "message": "it drains", "details": details}
        self.sidecar.answer = lambda r: encode_message({"id": r["id"], "status": refusal, "message": {}})
        until = time.monotonic() + 10
        while not self.counters["registers_refused"] and time.monotonic() < until:
            self.link.poll(time.monotonic())
        self.assertEqual((self.counters["registers_refused"], self.counters["unusable_replies"]), (1, 0))
        self.assertEqual(self.link.state, LinkState.DOWN)
        self.sidecar.answer = FakeSidecar.usual
        self.assertFalse(self.link.poll(time.monotonic() + 39))
        self.assertEqual(self.link.state, LinkState.DOWN)
        self.link.poll(time.monotonic() + 41)
        self.assertEqual(self.link.state, LinkState.REGISTERING)
        self.ready()
        self.assertEqual(len(self.log), 2, self.log)

    def test_a_refused_register_is_tried_again(self):
        refusals = []

        def answer(request):
            refusals.append(request)
            if len(refusals) < 3:
                return encode_message({"id": request["id"], "status": {"code": "INVALID_ARGUMENT"}, "message": {}})
            return FakeSidecar.usual(request)

        self.sidecar.answer = answer
        self.ready()
        self.assertEqual(len(refusals), 3)

    def test_an_old_sidecar_without_a_field_is_not_used(self):
        self.sidecar.answer = lambda r: encode_message({
            "id": r["id"], "status": {"code": "OK"}, "message": {"epoch": 1, "step_fields": ["launched"]}})
        for _ in range(20):
            self.assertFalse(self.link.poll(time.monotonic()))
            time.sleep(0.005)


class BreakerTest(unittest.TestCase):
    def test_opens_after_failures_in_a_row_and_closes_again(self):
        breaker = Breaker(3, random.Random(1))
        for _ in range(2):
            breaker.failed(0.0)
        self.assertFalse(breaker.is_open(0.0))
        breaker.failed(0.0)
        self.assertTrue(breaker.is_open(0.01))
        self.assertFalse(breaker.is_open(0.1))
        breaker.succeeded()
        breaker.failed(1.0)
        self.assertFalse(breaker.is_open(1.0))

    def test_pauses_grow_but_stay_below_a_second(self):
        breaker, pauses, now_s = Breaker(1, random.Random(2)), [], 0.0
        for _ in range(20):
            breaker.failed(now_s)
            began_s = now_s
            while breaker.is_open(now_s):
                now_s += 0.001
            pauses.append(now_s - began_s)
        self.assertLess(pauses[0], 0.1)
        self.assertGreater(max(pauses), 0.4)
        self.assertLess(max(pauses), 0.76)
        self.assertGreater(len({round(pause, 3) for pause in pauses[5:]}), 5)


class PlanTest(unittest.TestCase):
    KNOWN = {1: None, 2: None, 3: None, 9: None}
    VERBS = frozenset(("pause", "requeue", "victim_order", "order", "hold", "budget"))

    def read(self, body):
        return read_plan(body, self.KNOWN, self.VERBS, 100, 3)

    def test_a_good_plan(self):
        plan = self.read({"decode": "all", "run": {"h": [1], "n": [4], "k": [3]}, "pause": [2], "requeue": [3],
                          "victims": [1, 2], "order": [9], "budget_tokens": 50, "from_the_future": 1})
        self.assertEqual((plan.run_h, plan.run_n, plan.run_k, plan.pause), ([1], [4], [3], [2]))
        self.assertTrue(self.read({"hold_us": 5000}).is_empty)

    def test_bad_plans(self):
        bad = (
            None, [], "all", {"decode": "some"}, {"decode": ["all"]}, {"run": {}}, {"run": {"h": [1]}}, {"run": 3},
            {"run": {"h": [1, 2], "n": [1]}}, {"run": {"h": [1, 1], "n": [1, 1]}}, {"run": {"h": [7], "n": [1]}},
            {"run": {"h": [1], "n": [0]}}, {"run": {"h": [1], "n": [-1]}}, {"run": {"h": [1], "n": [101]}},
            {"run": {"h": [1, 2], "n": [60, 60]}}, {"run": {"h": [1], "n": [True]}}, {"run": {"h": [1], "n": [1.0]}},
            {"run": {"h": [1], "n": ["1"]}}, {"run": {"h": [1], "n": [2], "k": [2]}},
            {"run": {"h": [1], "n": [9], "k": [4]}}, {"run": {"h": [1], "n": [9], "k": [-1]}},
            {"run": {"h": [1], "n": [4], "k": [3], "levels": ["21"]}}, {"draft_batch_levels": "21"},
            {"run": {"h": [[]], "n": [1]}}, {"pause": {}}, {"pause": [8]}, {"pause": [1, 1]}, {"pause": [{}]},
            {"truncate": {"h": [1], "keep_tokens": [1]}}, {"swap_cpu": [1]}, {"abort": {"h": [1]}},
            {"requeue": [1], "run": {"h": [1], "n": [1]}}, {"requeue": [1], "pause": [1]},
            {"pause": [1], "run": {"h": [1], "n": [1]}}, {"hold_us": 10}, {"hold_us": 10 ** 9},
            {"hold_us": 5000, "decode": "all"}, {"budget_tokens": 0}, {"budget_tokens": 101}, {"budget_tokens": "5"},
        )
        for body in bad:
            with self.assertRaises(PlanError, msg=str(body)):
                self.read(body)


class SettingsTest(unittest.TestCase):
    def test_options_win_over_the_environment(self):
        environment = {"COXSWAIN_DEADLINE_MS": "5", "COXSWAIN_ENABLED": "off", "COXSWAIN_TENANT": ""}
        settings = Settings.read({"deadline_ms": 3}, environment)
        self.assertEqual((settings.deadline_ms, settings.enabled, settings.tenant), (3.0, False, "default"))

    def test_bad_settings_name_themselves(self):
        for options, environment, word in (
                ({"deadline": 1}, {}, "deadline"), ({}, {"COXSWAIN_DEADLINE_MS": "soon"}, "COXSWAIN_DEADLINE_MS"),
                ({"deadline_ms": 0}, {}, "deadline_ms"), ({"enabled": "perhaps"}, {}, "enabled"),
                ({"failures_max": 0}, {}, "failures_max"), ({"stall_ms": -1}, {}, "stall_ms"),
                ({"announce": "perhaps"}, {}, "announce")):
            with self.assertRaisesRegex(SettingsError, word):
                Settings.read(options, environment)


if __name__ == "__main__":
    unittest.main()
