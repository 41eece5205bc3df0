"""What the tests of Deploy/ share: the executable, tools that Debian packages have, a sidecar as a child process."""

import contextlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "Deploy"
START_TIMEOUT_S = 30
STOP_TIMEOUT_S = 20
INSTALL_TIMEOUT_S = 300

_installed = {}


def skip_loudly(what, why):
    print(f"\n*** SKIPPED {what}: {why} ***", file=sys.stderr)
    raise unittest.SkipTest(why)


def executable():
    """$COXSWAIN_BIN, else the release or debug build of this checkout."""
    candidates = [ROOT / ".build" / build / "coxswain" for build in ("release", "debug")]
    chosen = os.environ.get("COXSWAIN_BIN")
    for path in [pathlib.Path(chosen)] if chosen else candidates:
        if os.access(path, os.X_OK):
            return str(path.resolve())
    skip_loudly("a test of the executable", "no coxswain executable (build it, or set COXSWAIN_BIN)")


def tool(name, package):
    """Path of a program; its Debian package is installed when it is missing and can be had."""
    path = find_tool(name)
    if path is None and package not in _installed:
        _installed[package] = install(package)
        path = find_tool(name)
    if path is None:
        skip_loudly(f"what needs {name}", f"Debian package {package} cannot be installed here")
    return path


def find_tool(name):
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


def install(package):
    if os.geteuid() != 0 or find_tool("apt-get") is None:
        return False
    # A daemon that a package brings must not start on the machine that runs tests.
    command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", package]
    environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive", RUNLEVEL="1")
    for attempt in (["apt-get", "update", "-qq"], command):
        with contextlib.suppress(subprocess.TimeoutExpired):
            result = subprocess.run(attempt, env=environment, capture_output=True, timeout=INSTALL_TIMEOUT_S)
            if attempt is command:
                return result.returncode == 0
    return False


def run(*command, timeout=60, **options):
    """Runs to the end and returns the result with text output."""
    return subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, timeout=timeout, **options)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(condition, what, timeout=START_TIMEOUT_S):
    """Polls until `condition` gives something true, and returns that."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout} s for {what}")
        time.sleep(0.05)


class Sidecar:
    """`coxswain serve` in a directory of its own; a context manager that stops it and wants it to end well."""

    def __init__(self, *options, environment=None):
        self.directory = tempfile.mkdtemp(prefix="coxswain-")
        self.log_path = os.path.join(self.directory, "log")
        self.options, self.environment, self.process = options, environment or {}, None

    def socket(self, kind):
        return os.path.join(self.directory, f"{kind}.sock")

    @property
    def log(self):
        return pathlib.Path(self.log_path).read_text(encoding="utf-8", errors="replace")

    def __enter__(self):
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [executable(), "serve", "--runtime-dir", self.directory, *self.options],
                env=dict(os.environ, **self.environment), stdout=log, stderr=log)
        try:
            wait_for(lambda: self._is_up(), "the sidecar")
        except BaseException:
            self._end(signal.SIGKILL)
            raise
        return self

    def _is_up(self):
        if self.process.poll() is not None:
            raise AssertionError(f"the sidecar ended with {self.process.returncode}: {self.log}")
        return '"listening"' in self.log

    def _end(self, number):
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()

    def __exit__(self, kind, *rest):
        status, log = self._end(signal.SIGTERM), self.log
        shutil.rmtree(self.directory, ignore_errors=True)
        if kind is None and status != 0:
            raise AssertionError(f"the sidecar ended with {status}: {log}")
