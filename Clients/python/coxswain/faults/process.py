"""The sidecar under test as a child process."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 10.0
CLIENT_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class SidecarFailed(Exception):
    """The sidecar did not start, or ended by itself."""


def command_line(sidecar, directory, policy="exerciser"):
    """`sidecar` is the path of the coxswain executable, or "reference" for the one in Python."""
    if sidecar == "reference":
        command = [sys.executable, "-m", "coxswain.model.reference"]
    else:
        command = [sidecar, "serve"]
    return [*command, "--runtime-dir", directory, *(["--policy", policy] if policy else [])]


def find_executable():
    """$COXSWAIN_BIN, else the release or debug build of this checkout, else None."""
    chosen = os.environ.get("COXSWAIN_BIN")
    if chosen:
        return chosen if chosen == "reference" or os.access(chosen, os.X_OK) else None
    root = os.path.dirname(os.path.dirname(CLIENT_ROOT))
    for build in ("release", "debug"):
        path = os.path.join(root, ".build", build, "coxswain")
        if os.access(path, os.X_OK):
            return path
    return None


class SidecarProcess:
    """Starts it, kills it, starts it again in the same directory. Owns the directory unless one is given.
    `policy` None means the sidecar's default."""

    def __init__(self, sidecar, directory=None, policy="exerciser"):
        self.sidecar, self.policy = sidecar, policy
        self._owns_directory = directory is None
        self.directory = directory or tempfile.mkdtemp(prefix="coxswain-")
        self.process = None
        self._log_path = os.path.join(self.directory, "sidecar.log")

    @property
    def engine_socket(self):
        return os.path.join(self.directory, "engine.sock")

    @property
    def admin_socket(self):
        return os.path.join(self.directory, "admin.sock")

    def start(self):
        environment = dict(os.environ)
        environment["PYTHONPATH"] = CLIENT_ROOT + os.pathsep + environment.get("PYTHONPATH", "")
        with open(self._log_path, "ab") as log:
            self.process = subprocess.Popen(
                command_line(self.sidecar, self.directory, self.policy), stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, env=environment)
        deadline = time.monotonic() + START_TIMEOUT_S
        for path in (self.engine_socket, self.admin_socket):
            while not _answers(path):
                if self.process.poll() is not None:
                    raise SidecarFailed(f"the sidecar ended with {self.process.returncode}: {self.log_tail()}")
                if time.monotonic() > deadline:
                    raise SidecarFailed(f"no socket at {path} after {START_TIMEOUT_S:.0f} s: {self.log_tail()}")
                time.sleep(0.005)
        return self

    def kill(self):
        """kill -9: no goodbye, stale sockets stay behind."""
        self.process.kill()
        self.process.wait()

    def pause(self):
        """SIGSTOP; returns when every thread stands still."""
        self.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.process.pid, os.WSTOPPED)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def stop(self):
        """SIGTERM. Returns the exit status."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self.kill()
        return self.process.returncode

    def close(self):
        status = self.stop()
        if self._owns_directory:
            shutil.rmtree(self.directory, ignore_errors=True)
        return status

    def is_alive(self):
        return self.process is not None and self.process.poll() is None

    def log_tail(self, size=2000):
        try:
            with open(self._log_path, "rb") as log:
                return log.read()[-size:].decode("utf-8", "replace")
        except OSError:
            return ""

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.close()


def _answers(path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(path)
            return True
        except OSError:
            return False
