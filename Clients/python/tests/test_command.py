"""python3 -m coxswain."""

import contextlib
import io
import json
import os
import tempfile
import unittest

from tests.support import SidecarTest
from coxswain.__main__ import EXIT_UNREACHABLE, EXIT_USAGE, full_method, main, socket_path


def run(*arguments):
    output, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
        status = main(list(arguments))
    return status, output.getvalue(), errors.getvalue()


class CommandTests(unittest.TestCase):
    def test_examples_are_json(self):
        status, output, _ = run("example", "plan")
        self.assertEqual(status, 0)
        self.assertEqual(set(json.loads(output)), {"register", "step"})
        self.assertIn("kv_groups", json.loads(run("example", "register")[1])["model"])

    def test_methods_and_sockets(self):
        self.assertEqual(full_method("Plan"), "coxswain.v1.Scheduler/Plan")
        self.assertEqual(full_method("Admin/Status"), "coxswain.v1.Admin/Status")
        self.assertEqual(full_method("grpc.health.v1.Health/Check"), "grpc.health.v1.Health/Check")
        self.assertEqual(socket_path(None, "coxswain.v1.Admin/Status", "/d"), "/d/admin.sock")
        self.assertEqual(socket_path(None, "coxswain.v1.Scheduler/Plan", "/d"), "/d/engine.sock")
        self.assertEqual(socket_path("/x.sock", "coxswain.v1.Scheduler/Plan", "/d"), "/x.sock")

    def test_nobody_listens(self):
        with tempfile.TemporaryDirectory() as directory:
            status, _, errors = run("call", "Plan", "--runtime-dir", directory)
        self.assertEqual(status, EXIT_UNREACHABLE)
        self.assertIn("engine.sock", errors)

    def test_message_that_is_no_json(self):
        self.assertEqual(run("call", "Plan", "--message", "{")[0], EXIT_USAGE)
        self.assertEqual(run("call", "Plan", "--message", "@/nonexistent")[0], EXIT_USAGE)


class FirstPlanTests(SidecarTest):
    def test_a_newcomers_first_plan(self):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "plan.json")
            with open(path, "w", encoding="utf-8") as file:
                file.write(run("example", "plan")[1])
            status, output, errors = run(
                "call", "Plan", "--runtime-dir", self.sidecar.directory, "--message", "@" + path)
        self.assertEqual(status, 0, output + errors)
        plan = json.loads(output)["plan"]
        self.assertTrue(plan.get("run") or plan.get("decode"), plan)

    def test_an_error_is_printed_whole(self):
        status, output, _ = run("call", "Plan", "--runtime-dir", self.sidecar.directory, "--message", '{"step":7}')
        self.assertEqual(status, 1)
        self.assertEqual(json.loads(output)["code"], "INVALID_ARGUMENT")

    def test_health_and_status(self):
        directory = ("--runtime-dir", self.sidecar.directory)
        self.assertEqual(json.loads(run("call", "grpc.health.v1.Health/Check", *directory)[1])["status"], "SERVING")
        self.assertIn("tenants", json.loads(run("call", "Admin/Status", *directory)[1]))


if __name__ == "__main__":
    unittest.main()
