"""The client's errors, deadlines, pipelining, streams and cancellation, against a server of this test's own."""

import json
import os
import shutil
import socket
import tempfile
import threading
import unittest

from coxswain.client import Client, ConnectionLost, DeadlinePassed, StatusError
from coxswain.framing import HEADER, FrameReader, encode_frame, encode_message


class Server:
    """Answers each request with what `answer(request, send)` sends."""

    def __init__(self, answer):
        self.directory = tempfile.mkdtemp(prefix="coxswain-test-")
        self.path = os.path.join(self.directory, "engine.sock")
        self.answer = answer
        self.requests = []
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(self.path)
        self.listener.listen(1)
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        connection, _ = self.listener.accept()
        frames = FrameReader()
        with connection:
            while True:
                try:
                    data = connection.recv(65536)
                except OSError:
                    return
                if not data:
                    return
                frames.feed(data)
                payload = frames.next()
                while payload is not None:
                    request = json.loads(payload)
                    self.requests.append(request)
                    if self.answer(request, connection.sendall) == "close":
                        return
                    payload = frames.next()

    def close(self):
        self.listener.close()
        self.thread.join(5)
        shutil.rmtree(self.directory)


def ok(request_id, message, last=True):
    return encode_message({"id": request_id, **({"status": {"code": "OK"}} if last else {}), "message": message})


class ClientTests(unittest.TestCase):
    def connect(self, answer):
        self.server = Server(answer)
        client = Client(self.server.path, idle_timeout_s=10)
        self.addCleanup(self.server.close)
        self.addCleanup(client.close)
        return client

    def test_call(self):
        client = self.connect(lambda request, send: send(ok(request["id"], {"echo": request["message"]})))
        self.assertEqual(client.call("S/M", {"a": 1}, timeout_us=5_000_000), {"echo": {"a": 1}})
        sent = {"id": 1, "method": "S/M", "timeout_us": 5000000, "message": {"a": 1}}
        self.assertEqual(self.server.requests[0], sent)

    def test_error_has_code_details_field_and_retry(self):
        details = {"reason": "RESYNC", "field": "/check/3", "retry_after_ms": 40}
        status = {"code": "FAILED_PRECONDITION", "message": "check differs", "details": details}
        client = self.connect(lambda request, send: send(encode_message({"id": request["id"], "status": status})))
        with self.assertRaises(StatusError) as caught:
            client.call("S/M")
        error = caught.exception
        self.assertEqual((error.code, error.message, error.details), ("FAILED_PRECONDITION", "check differs", details))
        self.assertEqual((error.field, error.reason, error.retry_after_ms), ("/check/3", "RESYNC", 40))

    def test_late_reply_is_dropped(self):
        def answer(request, send):
            if request["id"] == 2:
                send(ok(1, {"late": True}) + ok(2, {"mine": True}))

        client = self.connect(answer)
        with self.assertRaises(DeadlinePassed):
            client.call("S/Slow", timeout_us=1000)
        self.assertEqual(client.call("S/M"), {"mine": True})
        self.assertEqual(client.unclaimed, [])

    def test_pipelined_calls_are_told_apart_by_id(self):
        def answer(request, send):
            if request["id"] == 2:
                send(ok(2, {"n": 2}) + ok(1, {"n": 1}))

        client = self.connect(answer)
        first, second = client.start("S/A"), client.start("S/B")
        self.assertEqual(client.finish(first), {"n": 1})
        self.assertEqual(client.finish(second), {"n": 2})

    def test_stream(self):
        def answer(request, send):
            for i in range(3):
                send(ok(request["id"], {"i": i}, last=False))
            send(ok(request["id"], {}))

        client = self.connect(answer)
        self.assertEqual([item["i"] for item in client.stream("S/Watch")], [0, 1, 2])

    def test_stream_that_fails(self):
        def answer(request, send):
            send(ok(request["id"], {"i": 0}, last=False))
            send(encode_message({"id": request["id"], "status": {"code": "UNAVAILABLE", "message": "gap"}}))

        client = self.connect(answer)
        items = client.stream("S/Watch")
        self.assertEqual(next(items), {"i": 0})
        with self.assertRaises(StatusError) as caught:
            next(items)
        self.assertEqual(caught.exception.code, "UNAVAILABLE")

    def test_leaving_a_stream_cancels_it(self):
        def answer(request, send):
            if request.get("cancel"):
                send(encode_message({"id": request["id"], "status": {"code": "CANCELLED", "message": ""}}))
            elif request["method"] == "S/Watch":
                send(ok(request["id"], {"i": 0}, last=False))
            else:
                send(ok(request["id"], {"other": True}))

        client = self.connect(answer)
        items = client.stream("S/Watch")
        next(items)
        items.close()
        self.assertEqual(client.call("S/M"), {"other": True})
        self.assertEqual(self.server.requests[1], {"id": 1, "cancel": True})

    def test_end_of_stream(self):
        client = self.connect(lambda request, send: "close")
        with self.assertRaises(ConnectionLost):
            client.call("S/M")

    def test_end_inside_a_reply_at_any_byte(self):
        whole = ok(1, {})
        for place in range(len(whole)):
            def answer(request, send, place=place):
                send(whole[:place])
                return "close"

            client = self.connect(answer)
            with self.assertRaises(ConnectionLost, msg=f"cut at byte {place}"):
                client.call("S/M")

    def test_a_reply_that_is_no_frame(self):
        client = self.connect(lambda request, send: send(HEADER.pack(0, 0xFFFFFFFF)))
        with self.assertRaises(ConnectionLost):
            client.call("S/M")

    def test_nobody_listens(self):
        with self.assertRaises(ConnectionLost):
            Client("/nonexistent/engine.sock")

    def test_raw_payload(self):
        client = self.connect(lambda request, send: send(ok(request["id"], {})))
        client.send_payload(b'{"id":9,"method":"S/M"}')
        self.assertEqual(client.wait(9).code, "OK")
        self.assertEqual(encode_frame(b"")[:5], b"\0\0\0\0\0")


if __name__ == "__main__":
    unittest.main()
