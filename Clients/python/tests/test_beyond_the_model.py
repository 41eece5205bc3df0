"""What the executable specification does not cover: clocks, hold, DP ranks, in_flight_repeat, decode all, RESYNC and
Register on one connection, cuts at every byte, kill -9, malformed frames."""

import unittest

from tests.support import IDLE_TIMEOUT_S, REGISTER, STEP, TIMEOUT_US, ByHand, SidecarTest, work
from coxswain.client import Client, ConnectionLost, DeadlinePassed, StatusError
from coxswain.faults.process import SidecarProcess, find_executable
from coxswain.framing import HEADER, encode_message

HEALTH = "grpc.health.v1.Health/Check"


class ClockTests(SidecarTest):
    def ages(self, *waits):
        engine = self.engine()
        engine.step(arrive=[(1, 10, 4)], blocked={"h": [1], "why": ["grammar"]})
        for wait_us in waits:
            engine.step(wait_us=wait_us)
        return engine.requests()[1]["age_us"]

    def test_a_step_back_counts_as_no_time(self):
        self.assertEqual(self.ages(1_000, -3_600_000_000, 500), 1_500)

    def test_a_jump_forward_is_believed(self):
        self.assertEqual(self.ages(86_400_000_000), 86_400_000_000)

    def test_a_jump_forward_and_back(self):
        self.assertEqual(self.ages(86_400_000_000, -86_400_000_000, 2_000), 86_400_002_000)

    def test_time_that_stands_still(self):
        self.assertEqual(self.ages(0, 0), 0)

    def test_negative_age(self):
        engine = self.engine()
        message = engine.message(arrive=[(1, 10, 4)], blocked={"h": [1], "why": ["grammar"]})
        message["arrived"]["age_us"] = [-700]
        engine.send(message)
        engine.step(wait_us=1_000)
        self.assertEqual(engine.requests()[1]["age_us"], 300)

    def test_ages_of_any_size(self):
        engine = self.engine()
        message = engine.message(arrive=[(1, 10, 4), (2, 10, 4)], blocked={"h": [1, 2], "why": ["grammar"] * 2})
        message["arrived"]["age_us"] = [-2 ** 63, 2 ** 63 - 1]
        try:
            engine.send(message)
        except StatusError as error:
            self.assertEqual(error.reason, "RESYNC")
        else:
            self.assertEqual(set(engine.requests()), {1, 2})
        engine.register()
        engine.step()


class HoldTests(SidecarTest):
    def test_nothing_to_run_holds(self):
        engine = self.engine()
        plan = engine.step(check=[0, 0, 0, 0, 0])
        self.assertEqual(set(plan) - {"hold_us", "cache", "placement"}, set(), plan)
        self.assertTrue(1_000 <= plan["hold_us"] <= 100_000)

    def test_a_hold_needs_no_settled_entry_and_tolerates_one(self):
        engine = self.engine()
        engine.step()
        engine.step(settled=[{"seq": 1, "elapsed_us": 0}])
        engine.step()
        self.assertIn("hold_us", engine.step())

    def test_no_hold_for_an_engine_without_the_verb(self):
        engine = self.engine(capabilities=["chunk", "pause", "requeue"])
        self.assertNotIn("hold_us", engine.step())


class RankTests(SidecarTest):
    def test_ranks_of_one_server_are_sessions_of_their_own(self):
        ranks = [self.engine(dp_size=3, dp_rank=i) for i in range(3)]
        for number, rank in enumerate(ranks):
            rank.step(arrive=[(7, 10 + number, 4)])
        for number, rank in enumerate(ranks):
            self.assertEqual(rank.requests()[7]["prompt"], 10 + number)
        self.assert_resync("/check", lambda: ranks[1].step(check=[5, 5, 5, 5, 5]))
        self.assertEqual(work(ranks[0].step(), (7,)), {7: 1})
        self.assertEqual(work(ranks[2].step(), (7,)), {7: 1})

    def test_steps_of_ranks_cross(self):
        ranks = [self.engine(dp_size=4, dp_rank=i) for i in range(4)]
        for turn in range(20):
            waiting = []
            for rank in ranks:
                waiting.append((rank, rank.client.start(STEP, rank.message(), TIMEOUT_US)))
            for rank, request_id in waiting[turn % 4:] + waiting[:turn % 4]:
                reply = rank.client.finish(request_id)
                self.assertEqual((reply["epoch"], reply["seq"]), (rank.epoch, rank.seq))


class RepeatTests(SidecarTest):
    """May a request be in two unsettled plans?"""

    def second_plan(self, repeat, prompt):
        engine = self.engine(in_flight_max=2, in_flight_repeat=repeat)
        self.assertEqual(work(engine.step(arrive=[(1, prompt, 9)])), {1: min(prompt, 512)})
        return work(engine.step(), (1,))

    def test_none(self):
        self.assertEqual(self.second_plan("none", 40), {})
        self.assertEqual(self.second_plan("none", 600), {})

    def test_prefill(self):
        self.assertEqual(self.second_plan("prefill", 40), {})
        self.assertEqual(self.second_plan("prefill", 600), {1: 88})

    def test_any(self):
        self.assertEqual(self.second_plan("any", 40), {1: 1})
        self.assertEqual(self.second_plan("any", 600), {1: 88})

    def test_none_again_after_it_was_settled(self):
        engine = self.engine(in_flight_max=2, in_flight_repeat="none")
        engine.step(arrive=[(1, 40, 9)])
        engine.step()
        self.assertEqual(work(engine.step(settled=[{"seq": 1, "elapsed_us": 5}]), (1,)), {1: 1})


class DecodeAllTests(SidecarTest):
    def test_everybody_decodes(self):
        """Eight decodes: the plan says so in one word, or in columns; the mirror's sums follow either."""
        engine = self.engine()
        handles = [40, 3, 17, 5, 99, 2, 64, 31]
        plan = engine.step(arrive=[(h, 10, 50) for h in handles])
        self.assertEqual(work(plan), {h: 10 for h in handles})
        for turn in range(2, 12):
            plan = engine.step(settled=[{"seq": turn - 1, "elapsed_us": 5}],
                               check=[8, 0, 0, 80 + 8 * (turn - 2), 8 * (turn - 1)])
            self.assertEqual(work(plan, handles), {h: 1 for h in handles})
        self.assertEqual(plan.get("decode"), "all")

    def test_blocked_and_removed_requests_are_not_meant(self):
        engine = self.engine()
        engine.step(arrive=[(h, 10, 50) for h in (1, 2, 3, 4)])
        plan = engine.step(settled=[{"seq": 1, "elapsed_us": 5}], blocked={"h": [2], "why": ["grammar"]},
                           removed={"h": [4], "why": ["stop"]})
        self.assertEqual(work(plan, (1, 3)), {1: 1, 3: 1})
        engine.step(settled=[{"seq": 2, "elapsed_us": 5}], check=[3, 0, 1, 32, 5])

    def test_exceptions_within_decode_all(self):
        """h 2 was aborted between the Step and the plan: it is reported, and is not counted."""
        engine = self.engine()
        engine.step(arrive=[(h, 10, 50) for h in (1, 2, 3)])
        engine.step(settled=[{"seq": 1, "elapsed_us": 5}])
        engine.step(launched={"seq": 2, "x": {"h": [2], "n": [0], "why": ["gone"]}},
                    settled=[{"seq": 2, "elapsed_us": 5}], removed={"h": [2], "why": ["abort"]},
                    check=[2, 0, 0, 22, 4])


class ResyncTests(SidecarTest):
    def test_resync_until_register_on_the_same_connection(self):
        engine = self.engine()
        engine.step(arrive=[(1, 10, 4)])
        self.assert_resync("/check/1", lambda: engine.step(check=[1, 7, 0, 10, 1]))
        for _ in range(3):
            self.assert_resync("", lambda: engine.step())
        epoch = engine.epoch
        engine.register()
        self.assertGreater(engine.epoch, epoch)
        self.assertEqual(engine.applied, {"epoch": epoch, "seq": 1})
        self.assertEqual(work(engine.step(arrive=[(1, 10, 4)], check=[0, 1, 0, 0, 0])), {1: 10})

    def test_nothing_of_a_rejected_step_counts(self):
        engine = self.engine()
        engine.step(arrive=[(1, 100, 4)])
        bad = {"h": [1], "computed": [5], "output": [0], "running": [1]}
        self.assert_resync("/state", lambda: engine.step(state={**bad, "output": []}))
        engine.register()
        self.assertEqual(engine.applied["seq"], 1)

    def test_a_step_without_register(self):
        engine = ByHand(self.sidecar, server_id=self.id())
        self.addCleanup(engine.close)
        engine.epoch, engine.seq = 1, 0
        self.assert_resync("/epoch", engine.step)
        engine.register()
        engine.step()

    def test_a_step_of_an_older_epoch(self):
        engine = self.engine()
        engine.step()
        old = engine.epoch
        engine.register()
        message = engine.message()
        message["epoch"] = old
        self.assert_resync("/epoch", lambda: engine.send(message))

    def test_unregister_ends_the_session_and_keeps_applied(self):
        engine = self.engine()
        engine.step()
        epoch = engine.epoch
        engine.client.call("coxswain.v1.Scheduler/Unregister", {})
        self.assert_resync("/epoch", engine.step)
        engine.register()
        self.assertEqual(engine.applied, {"epoch": epoch, "seq": 1})

    def test_applied_belongs_to_a_boot_id(self):
        engine = self.engine()
        engine.step()
        engine.description["engine_boot_id"] = "another"
        self.assertIsNone(engine.register()["applied"])

    def test_register_says_what_is_wrong(self):
        engine = self.engine()
        for field, value in (("in_flight_max", 4), ("in_flight_max", 0), ("in_flight_repeat", "often"), ("dp_rank", -1),
                             ("capabilities", ["fly"]), ("model", {}), ("limits", {"step_tokens": 0})):
            with self.assertRaises(StatusError, msg=f"{field}: {value}") as caught:
                engine.client.call(REGISTER, {**engine.description, field: value}, TIMEOUT_US)
            self.assertEqual(caught.exception.code, "INVALID_ARGUMENT", f"{field}: {value}")
            self.assertTrue(caught.exception.field.startswith("/" + field), f"{caught.exception}")
        engine.step()


class DeliveryTests(SidecarTest):
    def test_a_deadline_drops_the_plan_and_applies_the_step(self):
        engine = self.engine()
        for timeout_us in (0, 1):
            with self.assertRaises(StatusError) as caught:
                engine.send(engine.message(), timeout_us)
            error = caught.exception
            self.assertEqual(error.code, "DEADLINE_EXCEEDED")
            self.assertEqual((error.details["epoch"], error.details["seq"]), (engine.epoch, engine.seq))
        engine.step(launched={"seq": engine.seq, "mode": "none"})

    def test_a_dropped_plan_cannot_be_reported_as_launched(self):
        engine = self.engine()
        with self.assertRaises(StatusError):
            engine.send(engine.message(arrive=[(1, 10, 4)]), 1)
        engine.step(launched={"seq": 1, "mode": "none"}, check=[0, 1, 0, 0, 0])

    def test_cancel_in_the_same_write(self):
        engine = self.engine()
        request_id, frame = engine.client.request_frame(STEP, engine.message(), TIMEOUT_US)
        engine.client.send(frame + encode_message({"id": request_id, "cancel": True}))
        with self.assertRaises(StatusError) as caught:
            engine.client.finish(request_id)
        self.assertEqual(caught.exception.code, "CANCELLED")
        self.assertEqual(caught.exception.details["seq"], engine.seq)
        engine.step(launched={"seq": 1, "mode": "none"})

    def test_cancel_of_nothing(self):
        engine = self.engine()
        engine.client.cancel(12345)
        engine.step()
        engine.client.cancel(1)
        engine.step()

    def test_cuts_at_every_byte_of_a_step(self):
        """Also inside the header. A Step that is not complete never counts."""
        engine = self.engine()
        engine.step(arrive=[(1, 10, 4)])
        applied = {"epoch": engine.epoch, "seq": 1}
        length = len(engine.client.request_frame(STEP, engine.message(check=[1, 0, 0, 10, 1]))[1])
        for place in range(length - 1):
            engine.reconnect()
            engine.register()
            self.assertEqual(engine.applied, applied, f"cut before byte {place}")
            engine.step(arrive=[(1, 10, 4)])
            applied = {"epoch": engine.epoch, "seq": 1}
            _, frame = engine.client.request_frame(STEP, engine.message(check=[1, 0, 0, 10, 1]))
            self.assertLess(place, len(frame))
            engine.client.send(frame[:place])

    def test_a_step_in_two_writes_at_every_byte(self):
        engine = self.engine()
        length = len(engine.client.request_frame(STEP, engine.message())[1])
        engine.register()
        for place in range(1, length):
            request_id, frame = engine.client.request_frame(STEP, engine.message(check=[0, 0, 0, 0, 0]))
            engine.client.send(frame[:place])
            engine.client.send(frame[place:])
            self.assertEqual(engine.client.finish(request_id)["seq"], engine.seq)


class MalformedFrameTests(SidecarTest):
    def raw(self, data):
        """Sends bytes, returns the error answered."""
        client = Client(self.sidecar.engine_socket, idle_timeout_s=IDLE_TIMEOUT_S)
        self.addCleanup(client.close)
        client.send(data)
        reply = client.wait(0)
        return client, reply

    def assert_closed(self, client):
        with self.assertRaises(ConnectionLost):
            client.receive()

    def test_flag(self):
        client, reply = self.raw(HEADER.pack(1, 2) + b"{}")
        self.assertEqual(reply.code, "UNIMPLEMENTED")
        self.assert_closed(client)

    def test_length_of_4_gib(self):
        client, reply = self.raw(HEADER.pack(0, 0xFFFFFFFF))
        self.assertEqual(reply.code, "RESOURCE_EXHAUSTED")
        self.assert_closed(client)

    def test_no_json_leaves_connection_and_session_alone(self):
        engine = self.engine()
        for payload in (b"", b"{", b"nul", b"{}x", b"\xff\xfe", b"[]", b"{}", b'{"id":"x"}', b"[" * 1000, b'{"id":1.5}',
                        b'\xef\xbb\xbf{"id":1}', b'{"id":7,}', b"{'id':7}"):
            engine.client.send_payload(payload)
            reply = engine.client.receive()
            self.assertEqual(reply.code, "INVALID_ARGUMENT", payload[:20])
            # 0 unless an id could be read.
            self.assertIn(reply.id, (0, 7), payload[:20])
        engine.step()

    def test_duplicate_keys(self):
        engine = self.engine()
        engine.client.send_payload(b'{"id":70,"id":70,"method":"grpc.health.v1.Health/Check","message":{}}')
        self.assertEqual(engine.client.receive().code, "INVALID_ARGUMENT")
        engine.step()

    def test_unknown_method_and_denied_method(self):
        with Client(self.sidecar.engine_socket) as client:
            for method, code in (("coxswain.v1.Scheduler/Guess", "UNIMPLEMENTED"), ("Nothing/At/All", "UNIMPLEMENTED"),
                                 ("coxswain.v1.Admin/Status", "PERMISSION_DENIED")):
                with self.assertRaises(StatusError, msg=method) as caught:
                    client.call(method, {}, TIMEOUT_US)
                self.assertEqual(caught.exception.code, code, method)
            self.assertEqual(client.call(HEALTH, {}, TIMEOUT_US)["status"], "SERVING")

    def test_half_a_frame_and_silence_blocks_nobody_else(self):
        with Client(self.sidecar.engine_socket) as silent:
            silent.send(HEADER.pack(0, 1000)[:3])
            self.engine().step()


class RestartTests(unittest.TestCase):
    """kill -9 of the sidecar, and a sidecar that hangs. A process of its own."""

    def setUp(self):
        executable = find_executable()
        if executable is None:
            from tests.support import loud_skip
            loud_skip(type(self).__name__)
        self.sidecar = SidecarProcess(executable, policy=None)
        self.addCleanup(self.sidecar.close)
        self.sidecar.start()
        self.engine = ByHand(self.sidecar, server_id="restarted")
        self.addCleanup(self.engine.close)
        self.engine.register()

    def test_kill_9_and_stale_sockets(self):
        self.engine.step(arrive=[(1, 10, 4)])
        self.sidecar.kill()
        with self.assertRaises(ConnectionLost):
            self.engine.step()
        self.sidecar.start()
        self.engine.reconnect()
        self.assertIsNone(self.engine.register()["applied"])
        self.assertEqual(work(self.engine.step(arrive=[(1, 10, 4)])), {1: 10})

    def test_a_hung_sidecar_costs_one_deadline(self):
        self.engine.step(arrive=[(1, 10, 4)])
        self.sidecar.pause()
        late = self.engine.client.start(STEP, self.engine.message(), TIMEOUT_US)
        with self.assertRaises(DeadlinePassed):
            self.engine.client.wait(late, timeout_s=0.05)
        self.sidecar.resume()
        # State LATE: any reply to that seq ends it; the work since is a fallback.
        reply = self.engine.client.wait(late, timeout_s=20)
        self.assertIn(reply.code, ("OK", "DEADLINE_EXCEEDED"))
        state = {"h": [1], "computed": [12], "output": [3], "running": [1]}
        self.engine.step(
            launched={"seq": 2, "mode": "fallback", "iterations": 2, "h": [1], "n": [2]}, state=state,
            settled=[{"seq": 2, "elapsed_us": 5}], check=[1, 0, 0, 12, 3])

    def test_sigterm_ends_it_with_0(self):
        self.engine.step()
        self.assertEqual(self.sidecar.stop(), 0)


if __name__ == "__main__":
    unittest.main()
