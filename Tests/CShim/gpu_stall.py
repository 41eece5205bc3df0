#!/usr/bin/env python3
"""How long a misbehaving GPU driver stalls the loop that answers Steps, and how soon the snapshot tells the truth:
`gpu_stall.py EXECUTABLE [SECONDS [ROUNDS]]`. Two sidecars run, one without a driver and one with the
double of a driver in a mood; Steps go to them in turn all the time. The slowest answer bounds a stall from above, and
the same of the other sidecar says what the machine does by itself. "Held" is the part of an answer's time in which
neither the loop nor this program ran or waited for a processor (schedstat of both): a lock, a call or a page that
one waited for; what other programs do to the processors is not in it. As root the loops and this program run with
real-time priority. A virtual machine takes its processors away now and then, so each mood has several rounds and counts
with the median of their slowest; the very slowest stands beside it. Prints a table; exit 1 if a sidecar died, did not
tell the truth within 3 s, or was held for more than a millisecond in most rounds and the other one was not."""

import json
import os
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
SECONDS = 6.0
ROUNDS = 3
HELD_MAX_US = 1000
# A sidecar is held no longer than the other one when it is by so much.
NOISE = 1.1
STEP_INTERVAL_S = 0.002
TRUTH_TIMEOUT_S = 30.0
TRUTH_MAX_S = 3.0
REGISTER = {
    "engine": {"name": "stall", "version": "1"}, "server_id": "stall", "dp_rank": 0, "dp_size": 1,
    "engine_boot_id": "b", "now_us": 0,
    "model": {"id": "m", "parameters": 1, "pools": [{"blocks": 100}],
              "kv_groups": [{"pool": 0, "block_tokens": 16, "bytes_per_token": 1, "window_tokens": 0}]},
    "in_flight_max": 1, "limits": {"step_tokens": 64, "sequences": 8, "length": 4096},
    "capabilities": ["hold"]}


class Client:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.id = 0

    def read(self, count):
        data = b""
        while len(data) < count:
            more = self.socket.recv(count - len(data))
            if not more:
                raise ConnectionError("closed")
            data += more
        return data

    def call(self, method, message):
        self.id += 1
        body = json.dumps({"id": self.id, "method": method, "message": message}).encode()
        self.socket.sendall(b"\0" + struct.pack(">I", len(body)) + body)
        header = self.read(5)
        reply = json.loads(self.read(struct.unpack(">I", header[1:])[0]))
        if "error" in reply or reply.get("status", {}).get("code", "OK") != "OK":
            raise RuntimeError(reply)
        return reply["message"]


def device(gpu, index, name):
    devices = gpu["devices"]
    return devices[index][name] if len(devices) > index else {"value": None, "status": None}


def well(gpu):
    return device(gpu, 7, "memory_used_bytes")["status"] == "ok"


def broken(gpu):
    return gpu["driver_version"]["status"] == "lost"


# Mood at the start, mood after the sidecar is up (None: the same), and what the snapshot should say of it.
MOODS = [
    (None, None, lambda gpu: gpu["driver_version"]["status"] == "unsupported" and gpu["failure"]["status"] == "ok"),
    ("normal", None, well),
    ("mig", None, lambda gpu: well(gpu) and len(gpu["devices"][0]["instances"]) == 2),
    ("old", None, lambda gpu: well(gpu) and device(gpu, 0, "power_mw")["status"] == "unsupported"),
    ("denied", None, lambda gpu: device(gpu, 0, "memory_used_bytes")["status"] == "denied"),
    ("mismatch", None, broken),
    ("hang-init", None, broken),
    ("hang-getter", None, broken),
    ("normal", "hang-getter", lambda gpu: device(gpu, 0, "memory_used_bytes")["status"] == "stale"),
    ("normal", "lost", lambda gpu: device(gpu, 3, "quarantine")["status"] == "ok"),
    ("normal", "xid", lambda gpu: device(gpu, 3, "xid_last")["value"] == 79),
    ("normal", "reloaded", lambda gpu: device(gpu, 0, "memory_used_bytes")["status"] == "lost"),
    ("normal", "abort", lambda gpu: device(gpu, 0, "memory_used_bytes")["status"] == "stale"),
    ("masked sysfs", None, None),
]


class Accounts:
    """Time that threads have run or waited for a processor, in nanoseconds, from their schedstat."""

    def __init__(self, paths):
        self.files = [os.open(path, os.O_RDONLY) for path in paths]

    def read(self):
        return sum(sum(map(int, os.pread(file, 64, 0).split()[:2])) for file in self.files)

    def close(self):
        for file in self.files:
            os.close(file)


class Lane:
    """A session with one sidecar, and how its Steps went: seconds each took, and seconds of these it was held."""

    def __init__(self, path, process):
        self.client = Client(path)
        self.epoch = self.client.call("coxswain.v1.Scheduler/Register", REGISTER)["epoch"]
        self.accounts = Accounts(f"{task}/schedstat" for task in loops(process.pid))
        self.seq = 0
        self.times = []
        self.held = []

    def step(self, own):
        self.seq += 1
        step = {"epoch": self.epoch, "seq": self.seq, "now_us": self.seq * 2000, "kv_free_blocks": [100],
                "check": [0, 0, 0, 0, 0]}
        if self.seq > 1:
            step["launched"] = {"seq": self.seq - 1, "mode": "none"}
        before = self.accounts.read() + own.read()
        start = time.perf_counter()
        self.client.call("coxswain.v1.Scheduler/Step", step)
        took = time.perf_counter() - start
        accounted = (self.accounts.read() + own.read() - before) / 1e9
        self.times.append(took)
        self.held.append(max(0, took - accounted))

    def worst_us(self):
        return max(self.times) * 1e6, max(self.held) * 1e6


def drive(lanes, seconds):
    own = Accounts(["/proc/thread-self/schedstat"])
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for lane in lanes:
            lane.step(own)
        # The first one finds colder caches.
        lanes = lanes[::-1]
        time.sleep(STEP_INTERVAL_S)
    own.close()


def snapshot(admin):
    return admin.call("coxswain.v1.Resources/Snapshot", {})


def start(executable, folder, mood, environment):
    command = [executable, "serve", "--runtime-dir", folder + "/run"]
    if mood == "masked sysfs":
        script = "mount -t tmpfs none /sys/devices/system/node && exec \"$@\""
        command = ["unshare", "-m", "sh", "-c", script, "sh", *command]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               preexec_fn=ordinary)
    for _ in range(500):
        if os.path.exists(folder + "/run/engine.sock") and os.path.exists(folder + "/run/admin.sock"):
            prefer_loops(process.pid)
            return process
        time.sleep(0.02)
    process.kill()
    raise RuntimeError("it never listened")


def ordinary():
    if os.geteuid() == 0:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


def loops(pid):
    """The threads that answer, not the one that watches the machine."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [task for task in tasks if (task / "comm").read_text().startswith("NIO")]


def prefer_loops(pid):
    """Real-time priority for them, and not for the helpers that others start."""
    for task in loops(pid):
        if os.geteuid() == 0:
            os.sched_setscheduler(int(task.name), os.SCHED_FIFO, os.sched_param(50))


def truth(admin, holds, mood, since):
    while time.monotonic() - since < TRUTH_TIMEOUT_S:
        document = snapshot(admin)
        if mood == "masked sysfs":
            found = document["topology"]["failure"]["status"] == "ok"
        else:
            found = holds(document["gpu"])
        if found:
            return time.monotonic() - since
        time.sleep(0.02)
    return None


def watch(folder, mood, later, holds, began):
    """Waits for the truth in a process of its own, so that nothing here waits for that; returns what it will say."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid > 0:
        os.close(writing)
        return pid, reading
    try:
        ordinary()
        os.write(writing, json.dumps(await_truth(folder, mood, later, holds, began)).encode())
    finally:
        os._exit(0)


def await_truth(folder, mood, later, holds, began):
    admin = Client(folder + "/run/admin.sock")
    if later:
        truth(admin, well, mood, began)
        time.sleep(0.5)
        began = time.monotonic()
        Path(folder, "next").write_text(later)
        os.rename(folder + "/next", folder + "/mood")
    return truth(admin, holds, mood, began)


def measure(executable, libraries, mood, later, holds, other, seconds):
    with tempfile.TemporaryDirectory() as folder:
        environment = dict(os.environ)
        if mood not in (None, "masked sysfs"):
            environment["LD_LIBRARY_PATH"] = libraries["old" if mood == "old" else "new"]
            environment["NVML_DOUBLE_FILE"] = folder + "/mood"
        Path(folder, "mood").write_text("normal" if mood == "old" else mood or "")
        began = time.monotonic()
        process = start(executable, folder, mood, environment)
        watcher, answer = watch(folder, mood, later, holds, began)
        lanes = [Lane(folder + "/run/engine.sock", process), Lane(*other)]
        drive(lanes, seconds)
        told = json.loads(os.read(answer, 64) or "null")
        os.waitpid(watcher, 0)
        os.close(answer)
        alive = process.poll() is None
        process.kill()
        process.wait()
    for lane in lanes:
        lane.accounts.close()
        lane.client.socket.close()
    times = sorted(lanes[0].times)
    return {"steps": len(times), "p50": times[len(times) // 2] * 1e6, "worst": lanes[0].worst_us(),
            "other": lanes[1].worst_us(), "told_s": told, "alive": alive}


def build(folder):
    libraries = {}
    for name, flags in (("new", []), ("old", ["-DOLD"])):
        libraries[name] = f"{folder}/{name}"
        os.mkdir(libraries[name])
        library = libraries[name] + "/libnvidia-ml.so.1"
        source = str(ROOT / "Tests/CShim/nvml_double.c")
        compiler = os.environ.get("CC", "cc")
        subprocess.run([compiler, "-shared", "-fPIC", "-w", "-o", library, source, *flags], check=True)
    return libraries


def told(rounds):
    """The longest time until the truth was told, or None where it once was not."""
    times = [row["told_s"] for row in rounds]
    return None if None in times else max(times)


def median_us(rounds, lane, place):
    return statistics.median(row[lane][place] for row in rounds)


def is_good(rounds):
    said_s = told(rounds)
    held, other = median_us(rounds, "worst", 1), median_us(rounds, "other", 1)
    return (said_s is not None and said_s <= TRUTH_MAX_S and all(row["alive"] for row in rounds)
            and held <= max(HELD_MAX_US, NOISE * other))


def show(name, rounds):
    said_s = told(rounds)
    said = "never" if said_s is None else f"{said_s:.2f}"
    p50 = statistics.median(row["p50"] for row in rounds)
    cells = [median_us(rounds, lane, place) for place in (0, 1) for lane in ("worst", "other")]
    cells += [max(row[lane][1] for row in rounds) for lane in ("worst", "other")]
    row = " | ".join(f"{cell:8.0f}" for cell in [p50, *cells])
    print(f"| {name:24} | {row} | {said:>6} |" + ("" if is_good(rounds) else "  FAILED"), flush=True)


def main():
    executable = os.path.abspath(sys.argv[1])
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else SECONDS
    count = int(sys.argv[3]) if len(sys.argv) > 3 else ROUNDS
    if os.geteuid() == 0:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(50))
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        libraries = build(folder)
        process = start(executable, folder, None, dict(os.environ))
        print(f"{count} rounds of {seconds:g} s; medians of the rounds' slowest, and the slowest of all\n")
        print(f"| {'mood of the double':24} | p50 us | max us | other us | held us | other held us | slowest held us "
              "| other slowest held us | told s |")
        print("| --- " * 9 + "|")
        for mood, later, holds in MOODS:
            other = (folder + "/run/engine.sock", process)
            rounds = [measure(executable, libraries, mood, later, holds, other, seconds) for _ in range(count)]
            failed |= not is_good(rounds)
            show((mood or "no library") + (f", then {later}" if later else ""), rounds)
        process.kill()
        process.wait()
    sys.exit(failed)


main()
