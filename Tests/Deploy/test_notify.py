"""sd_notify(3): what the service manager hears from the real executable, on both kinds of socket."""

import json
import os
import pathlib
import secrets
import signal
import socket
import stat
import subprocess
import tempfile
import time
import unittest

from support import Sidecar, executable, run, tool, wait_for

RECEIVE_TIMEOUT_S = 30
WATCHDOG_US = 600_000


class Manager:
    """A double of systemd's end of $NOTIFY_SOCKET."""

    def __init__(self, address):
        self.address = address
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + address[1:] if address.startswith("@") else address)
        self.socket.settimeout(RECEIVE_TIMEOUT_S)

    def message(self):
        """The next datagram as (fields, monotonic seconds of its arrival)."""
        lines = self.socket.recv(8192).decode().splitlines()
        return dict(line.split("=", 1) for line in lines), time.monotonic()

    def wait(self, field):
        """The next message with `field`; pings between are passed over, everything else is an error."""
        while True:
            fields, _ = self.message()
            if field in fields:
                return fields
            assert fields == {"WATCHDOG": "1"}, f"{fields} while waiting for {field}"

    def close(self):
        self.socket.close()


class NotifyTests(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        self.policy = pathlib.Path(self.directory.name, "policy.json")
        self.write_policy("first")

    def write_policy(self, name, **more):
        self.policy.write_text(json.dumps({"version": 1, "name": name, "preset": "vllm-v1", **more}))

    def managers(self):
        yield f"{self.directory.name}/notify"
        yield f"@coxswain-test-{secrets.token_hex(8)}"

    def test_ready_reload_and_stop(self):
        for address in self.managers():
            with self.subTest(address=address[:1]):
                self.write_policy("first")
                manager = Manager(address)
                self.addCleanup(manager.close)
                with Sidecar("--policy", str(self.policy), environment={"NOTIFY_SOCKET": address}) as sidecar:
                    ready = manager.wait("READY")
                    self.assertEqual(ready["READY"], "1")
                    self.assertIn("policy first", ready["STATUS"])
                    self.answers(sidecar)
                    self.reload(manager, sidecar)
                    sidecar.process.send_signal(signal.SIGTERM)
                    self.assertEqual(manager.wait("STOPPING")["STOPPING"], "1")

    def answers(self, sidecar):
        status = run(executable(), "status", "-o", "json", env=dict(os.environ, COXSWAIN_RUNTIME_DIR=sidecar.directory))
        self.assertEqual(status.returncode, 0, status.stderr)

    def reload(self, manager, sidecar):
        """A good file, then a wrong one: each reload begins and ends, and the status line says how."""
        for change, text in ((dict(), "policy second, generation 2"), (dict(colour="red"), "refused")):
            before = time.clock_gettime(time.CLOCK_MONOTONIC) * 1e6
            self.write_policy("second", **change)
            sidecar.process.send_signal(signal.SIGHUP)
            started = manager.wait("RELOADING")
            self.assertEqual(started["RELOADING"], "1")
            after = time.clock_gettime(time.CLOCK_MONOTONIC) * 1e6
            self.assertTrue(before <= int(started["MONOTONIC_USEC"]) <= after, started)
            ended = manager.wait("READY")
            self.assertIn(text, ended["STATUS"])

    def test_pings_come_at_half_the_period(self):
        manager = Manager(f"{self.directory.name}/watchdog")
        self.addCleanup(manager.close)
        environment = {"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": str(WATCHDOG_US)}
        with Sidecar(environment=environment) as sidecar:
            manager.wait("READY")
            times = [manager.message() for _ in range(6)]
            self.assertTrue(all(fields == {"WATCHDOG": "1"} for fields, _ in times))
            gaps = [b - a for (_, a), (_, b) in zip(times, times[1:])]
            # A machine under load stretches gaps and never shortens them on average.
            self.assertGreaterEqual(sum(gaps) / len(gaps), 0.9 * WATCHDOG_US / 2e6)
            # One that is stopped does not ping.
            sidecar.process.send_signal(signal.SIGSTOP)
            self.drain(manager)
            manager.socket.settimeout(2 * WATCHDOG_US / 1e6)
            with self.assertRaises(TimeoutError):
                manager.message()
            sidecar.process.send_signal(signal.SIGCONT)
            manager.socket.settimeout(RECEIVE_TIMEOUT_S)
            manager.wait("WATCHDOG")

    @staticmethod
    def drain(manager):
        manager.socket.settimeout(0.1)
        try:
            while True:
                manager.message()
        except TimeoutError:
            pass

    def test_no_pings_for_another_process_and_no_harm_without_a_manager(self):
        manager = Manager(f"{self.directory.name}/other")
        self.addCleanup(manager.close)
        environment = {"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": "50000", "WATCHDOG_PID": "1"}
        with Sidecar(environment=environment):
            manager.wait("READY")
            manager.socket.settimeout(0.5)
            with self.assertRaises(TimeoutError):
                manager.message()
        for nobody in (f"{self.directory.name}/missing", "relative", "@", ""):
            with Sidecar(environment={"NOTIFY_SOCKET": nobody}) as sidecar:
                self.answers(sidecar)

    def test_socket_activation_by_systemds_own_tool(self):
        activate = tool("systemd-socket-activate", "systemd")
        manager = Manager(f"{self.directory.name}/activated")
        self.addCleanup(manager.close)
        runtime = pathlib.Path(self.directory.name, "run")
        runtime.mkdir(mode=0o711)
        command = [activate, "-E", f"NOTIFY_SOCKET={manager.address}"]
        for kind in ("engine", "admin"):
            command += [f"--listen={runtime}/{kind}.sock"]
        command += ["--fdname=engine:admin", executable(), "serve", "--runtime-dir", str(runtime)]
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        try:
            wait_for(lambda: (runtime / "admin.sock").exists(), "the sockets")
            # The first caller starts the sidecar and is answered by it.
            environment = dict(os.environ, COXSWAIN_RUNTIME_DIR=str(runtime))
            status = run(executable(), "status", "--timeout-ms", "30000", env=environment)
            self.assertEqual(status.returncode, 0, status.stderr)
            self.assertIn("READY", manager.wait("READY"))
            self.assertEqual(stat.S_IMODE(runtime.stat().st_mode), 0o711)
        finally:
            process.terminate()
            self.assertEqual(process.wait(RECEIVE_TIMEOUT_S), 0)
        self.assertTrue((runtime / "admin.sock").exists(), "sockets of systemd stay")


if __name__ == "__main__":
    unittest.main()
