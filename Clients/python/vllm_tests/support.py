"""What these tests share."""

import atexit
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from coxswain.client import Client
from coxswain.faults.process import find_executable
from coxswain.paths import admin_socket, engine_socket

from . import tiny_model

CLIENT_FOLDER = Path(__file__).resolve().parent.parent
POLICIES = Path(__file__).resolve().parent / "policies"


def sidecar_executable():
    executable = find_executable()
    if executable is None:
        raise unittest.SkipTest("no coxswain executable (build it, or set COXSWAIN_BIN)")
    return str(executable)


def work_folder():
    """Where the model lies, and what test-vllm downloads once. $COXSWAIN_VLLM_WORK, else a temporary folder."""
    chosen = os.environ.get("COXSWAIN_VLLM_WORK")
    if chosen:
        os.makedirs(chosen, exist_ok=True)
        return chosen
    return os.path.join(tempfile.gettempdir(), f"coxswain-vllm-{os.getuid()}")


def model():
    return tiny_model.make(os.path.join(work_folder(), "tiny-llama"))


def offline_environment(**more):
    """One thread for the model: bound threads that wait for each other make a busy machine forty times slower."""
    environment = dict(os.environ, HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1", VLLM_CPU_KVCACHE_SPACE="1",
                       VLLM_NO_USAGE_STATS="1", VLLM_CPU_OMP_THREADS_BIND="nobind", OMP_NUM_THREADS="1",
                       NUMBA_NUM_THREADS="1",
                       PYTHONPATH=str(CLIENT_FOLDER))
    environment.update({name: str(value) for name, value in more.items()})
    return environment


children = []


def _end_children():
    """Nobody stays behind, even when the tests are stopped half-way."""
    for child in children:
        if child.poll() is None:
            try:
                os.killpg(child.pid, signal.SIGKILL)
            except OSError:
                pass


def start_child(command, **options):
    """A child process in a group of its own, which ends with this process at the latest."""
    if not children:
        atexit.register(_end_children)
        if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    child = subprocess.Popen(command, start_new_session=True, **options)
    children.append(child)
    return child


class Sidecar:
    """One real sidecar in a folder of its own, to be stopped, killed and started again."""

    def __init__(self, policy):
        self.policy, self.folder = policy, tempfile.mkdtemp(prefix="coxswain-vllm-")
        self.executable, self.process = sidecar_executable(), None
        self.start()

    def start(self):
        log = open(os.path.join(self.folder, "sidecar.log"), "a", encoding="utf-8")
        self.process = start_child(
            [self.executable, "serve", "--policy", str(self.policy), "--runtime-dir", self.folder],
            stdout=log, stderr=log)
        log.close()
        for _ in range(200):
            try:
                Client(engine_socket(self.folder)).close()
                return
            except Exception:
                if self.process.poll() is not None:
                    break
                self.wait(0.05)
        raise AssertionError(f"the sidecar did not start: {self.log()}")

    def wait(self, seconds):
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            pass

    def log(self):
        return Path(self.folder, "sidecar.log").read_text(encoding="utf-8")

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def status(self):
        with Client(admin_socket(self.folder)) as client:
            return client.call("coxswain.v1.Admin/Status", {}, 2_000_000)

    def close(self):
        if self.process.poll() is None:
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


def run_module(name, *arguments, timeout_s=600, **environment):
    """Runs one of our modules in a process of its own. Returns its output; fails with its last lines."""
    child = start_child(
        [sys.executable, "-m", name, *map(str, arguments)], env=offline_environment(**environment),
        cwd=CLIENT_FOLDER, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    output, errors = child.communicate(timeout=timeout_s)
    if child.returncode:
        raise AssertionError(f"{name} ended with {child.returncode}:\n{output[-2000:]}\n{errors[-6000:]}")
    return output
