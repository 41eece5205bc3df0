"""Sizes, numbers and neighbours: what a careless or hostile peer sends, and what the socket directory looks like."""

import os
import stat
import subprocess
import unittest

from tests.support import STEP, TIMEOUT_US, SidecarTest, wait_until, work
from coxswain.client import Client, ConnectionLost, StatusError
from coxswain.faults.process import command_line, find_executable
from coxswain.framing import FRAME_BYTES_MAX, HEADER, encode_message

BIG_MODEL = {
    "id": "big", "parameters": 1, "pools": [{"blocks": 100_000}],
    "kv_groups": [{"pool": 0, "block_tokens": 16, "bytes_per_token": 1, "window_tokens": 0}]}
BIG_LIMITS = {"step_tokens": 8192, "sequences": 512, "length": 100_000, "adapters": 0, "encoder_tokens": 0}


class SizeTests(SidecarTest):
    def test_a_frame_of_exactly_the_limit(self):
        engine = self.engine()
        request = {"id": 900, "method": STEP, "message": engine.message(), "pad": ""}
        request["pad"] = "x" * (FRAME_BYTES_MAX - (len(encode_message(request)) - HEADER.size))
        frame = encode_message(request)
        self.assertEqual(len(frame), FRAME_BYTES_MAX + HEADER.size)
        engine.client.send(frame)
        self.assertEqual(engine.client.wait(900).code, "OK")

    def test_one_byte_more(self):
        engine = self.engine()
        try:
            engine.client.send(HEADER.pack(0, FRAME_BYTES_MAX + 1) + b"{")
        except ConnectionLost:
            pass
        self.assertEqual(engine.client.wait(0).code, "RESOURCE_EXHAUSTED")

    def test_256_arrivals_and_not_one_more(self):
        engine = self.engine(model=BIG_MODEL, limits=BIG_LIMITS)
        engine.step(arrive=[(h, 8, 4) for h in range(256)])
        self.assertEqual(len(engine.requests()), 256)
        self.assert_resync("/arrived", lambda: engine.step(arrive=[(h, 8, 4) for h in range(256, 513)]))

    def test_hundreds_decode_in_one_word(self):
        engine = self.engine(model=BIG_MODEL, limits=BIG_LIMITS)
        plan = engine.step(arrive=[(h, 8, 50) for h in range(256)])
        self.assertEqual(sum(work(plan).values()), 2048)
        plan = engine.step(check=[256, 0, 0, 2048, 256])
        self.assertEqual((plan.get("decode"), plan.get("run")), ("all", None))
        engine.step(check=[256, 0, 0, 2304, 512])

    def test_depth(self):
        engine = self.engine()
        for depth, fine in ((40, True), (70, False), (10_000, False)):
            deep = "[" * depth + "]" * depth
            request = b'{"id":800,"method":"grpc.health.v1.Health/Check","message":{},"deep":' + deep.encode() + b"}"
            engine.client.send_payload(request)
            reply = engine.client.receive()
            self.assertEqual(reply.code == "OK", fine, f"depth {depth}: {reply.error}")
            if not fine:
                self.assertEqual(reply.code, "INVALID_ARGUMENT")
        engine.step()

    def test_unknown_fields_are_ignored(self):
        engine = self.engine()
        message = engine.message(arrive=[(1, 10, 4)])
        message["from_the_future"] = {"a": [1, {"b": None}], "c": 1.5e300, "d": "\u0000\U0001f600"}
        message["arrived"]["color"] = ["red"]
        self.assertEqual(work(engine.send(message)["plan"]), {1: 10})


class NumberTests(SidecarTest):
    def raw_step(self, engine, field, text):
        """A Step whose `field` is written as `text`, however wrong."""
        message = engine.message()
        message[field] = "@"
        request_id, frame = engine.client.request_frame(STEP, message, TIMEOUT_US)
        engine.client.send_payload(frame[HEADER.size:].replace(b'"@"', text.encode()))
        return engine.client.receive()

    def test_what_is_no_integer(self):
        for field in ("now_us", "seq", "epoch"):
            for text in ("1.0", "1e3", '"1"', "null", "true", "[]", "9223372036854775808", "-9223372036854775809",
                         "18446744073709551616", "1" * 400):
                engine = self.engine()
                reply = self.raw_step(engine, field, text)
                self.assertIn(reply.code, ("FAILED_PRECONDITION", "INVALID_ARGUMENT"), f"{field} {text}")
                if reply.code == "FAILED_PRECONDITION":
                    self.assertEqual(reply.error.field, "/" + field, f"{field} {text}: {reply.error}")

    def test_what_is_no_json(self):
        """The Step's frame is not valid JSON: INVALID_ARGUMENT, the Step never was, the session goes on."""
        for text in ("01", "+1", "1.", ".5", "0x1", "NaN", "Infinity", "1 2", "'1'", "tru", '"\x01"', '"\\x"',
                     '"\\ud800"x'):
            engine = self.engine()
            reply = self.raw_step(engine, "pad", text)
            self.assertIn(reply.code, ("INVALID_ARGUMENT", "FAILED_PRECONDITION"), text)
            if reply.code == "INVALID_ARGUMENT":
                engine.seq -= 1
                engine.step()
            else:
                engine.register()
                engine.step()

    def test_largest_counts_do_not_overflow(self):
        most = 2 ** 63 - 1
        for field, value in (("prompt", most), ("max_output", most), ("age_us", most), ("age_us", -most - 1)):
            engine = self.engine()
            message = engine.message(arrive=[(1, 10, 4)])
            message["arrived"][field] = [value]
            try:
                engine.send(message)
                engine.requests()
            except StatusError as error:
                self.assertEqual(error.reason, "RESYNC")
        engine = self.engine()
        engine.step(arrive=[(1, 10, 4)])
        state = {"h": [1], "computed": [most], "output": [most], "running": [1]}
        self.assert_resync("/state", lambda: engine.step(state=state))
        engine.register()
        for untracked in ({"tenant": [0], "tokens": [most]}, {"tenant": [0, 0], "tokens": [2 ** 31 - 1, 2 ** 31 - 1]}):
            message = engine.message(untracked_tokens=untracked, names=["t"])
            try:
                engine.send(message)
            except StatusError as error:
                self.assertEqual(error.reason, "RESYNC")
            engine.register()


class NeighbourTests(SidecarTest):
    def test_two_steps_in_one_write(self):
        """Against rule 6, and harmless: each is answered, in order."""
        engine = self.engine()
        frames = [engine.client.request_frame(STEP, engine.message(), TIMEOUT_US) for _ in range(2)]
        engine.client.send(b"".join(frame for _, frame in frames))
        replies = [engine.client.receive() for _ in frames]
        self.assertEqual([(r.id, r.code) for r in replies], [(request_id, "OK") for request_id, _ in frames])

    def test_the_end_of_a_connection_ends_its_session(self):
        engine = self.engine()
        engine.step()
        engine.close()

        def sessions():
            with Client(self.sidecar.admin_socket) as admin:
                return [s["session"] for s in admin.call("coxswain.v1.Admin/Status", {}, TIMEOUT_US)["sessions"]
                        if s["session"] == engine.session]

        self.assertEqual(wait_until([], sessions), [])

    def test_many_connections_that_say_nothing(self):
        silent = [Client(self.sidecar.engine_socket) for _ in range(40)]
        self.engine().step()
        for client in silent:
            client.close()
        self.engine(dp_rank=1, dp_size=2).step()

    def test_unregister_without_a_session(self):
        with Client(self.sidecar.engine_socket) as client:
            with self.assertRaises(StatusError) as caught:
                client.call("coxswain.v1.Scheduler/Unregister", {}, TIMEOUT_US)
        self.assertEqual(caught.exception.code, "FAILED_PRECONDITION")

    def test_reflection_lists_what_is_served(self):
        with Client(self.sidecar.engine_socket) as client:
            text = str(client.call("coxswain.v1.Reflection/List", {}, TIMEOUT_US))
        for method in ("Scheduler/Register", "Scheduler/Step", "Scheduler/Plan", "Health/Check"):
            self.assertIn(method, text)

    def test_permissions(self):
        def mode(path):
            return stat.S_IMODE(os.stat(path).st_mode)

        self.assertEqual(mode(self.sidecar.engine_socket), 0o660)
        self.assertEqual(mode(self.sidecar.admin_socket), 0o660)

    def test_a_second_sidecar_leaves_the_first_alone(self):
        second = subprocess.run(
            command_line(find_executable(), self.sidecar.directory, None), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=30, check=False)
        self.assertNotEqual(second.returncode, 0)
        self.engine().step()


class PlanTests(SidecarTest):
    """The stateless call."""

    def plan(self, **changes):
        from coxswain import examples
        message = examples.plan()
        message.update(changes)
        with Client(self.sidecar.engine_socket) as client:
            return client.call("coxswain.v1.Scheduler/Plan", message, TIMEOUT_US)

    def test_the_same_question_gets_the_same_answer(self):
        first = self.plan()
        self.assertEqual((first["epoch"], first["seq"]), (0, 1))
        self.assertEqual(first, self.plan())
        self.assertEqual(work(first["plan"], (1,))[1], 1)

    def test_policy(self):
        self.assertTrue(self.plan(policy={"version": 1, "name": "mine", "preset": "vllm-v1-priority"})["plan"])
        with self.assertRaises(StatusError) as caught:
            self.plan(policy={"version": 1, "name": "mine", "preset": "vllm-v1", "batsch": {}})
        self.assertEqual(caught.exception.code, "INVALID_ARGUMENT")
        self.assertIn("policy", caught.exception.field)

    def test_errors_name_their_field(self):
        from coxswain import examples
        step = examples.plan()["step"]
        step["arrived"]["prompt"].pop()
        with self.assertRaises(StatusError) as caught:
            self.plan(step=step)
        self.assertEqual(caught.exception.code, "INVALID_ARGUMENT")
        self.assertTrue(caught.exception.field.startswith("/step/arrived"), caught.exception)
        with self.assertRaises(StatusError) as caught:
            self.plan(register={})
        self.assertTrue(caught.exception.field.startswith("/register"), caught.exception)


if __name__ == "__main__":
    unittest.main()
