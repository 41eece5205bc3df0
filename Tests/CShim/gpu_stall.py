#!/usr/bin/env python3
"""How long a misbehaving GPU driver stalls the loop that answers Steps, and how soon the snapshot tells the truth:
`python3 Tests/CShim/gpu_stall.py EXECUTABLE`. A sidecar runs with the driver's double in each mood; Steps go to it all
the time, 500 a second, and the slowest answer is an upper bound of the stall. As root the loops and this program run with
real-time priority, so that what else the machine does is hardly measured. Prints a table; exit 1 if a sidecar died or
never told the truth."""

import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
SECONDS = 6.0
STEP_INTERVAL_S = 0.002
TRUTH_TIMEOUT_S = 30.0
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


def drive(path, seconds, times):
    client = Client(path)
    epoch = client.call("coxswain.v1.Scheduler/Register", REGISTER)["epoch"]
    end = time.monotonic() + seconds
    seq = 0
    while time.monotonic() < end:
        seq += 1
        step = {"epoch": epoch, "seq": seq, "now_us": seq * 2000, "kv_free_blocks": [100], "check": [0, 0, 0, 0, 0]}
        if seq > 1:
            step["launched"] = {"seq": seq - 1, "mode": "none"}
        start = time.perf_counter()
        client.call("coxswain.v1.Scheduler/Step", step)
        times.append(time.perf_counter() - start)
        time.sleep(STEP_INTERVAL_S)


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


def prefer_loops(pid):
    """Real-time priority for the threads that answer, not for the one that watches the machine, nor its helpers."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        if os.geteuid() == 0 and (task / "comm").read_text().startswith("NIO"):
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


def measure(executable, libraries, mood, later, holds):
    with tempfile.TemporaryDirectory() as folder:
        environment = dict(os.environ)
        if mood not in (None, "masked sysfs"):
            environment["LD_LIBRARY_PATH"] = libraries["old" if mood == "old" else "new"]
            environment["NVML_DOUBLE_FILE"] = folder + "/mood"
        Path(folder, "mood").write_text("normal" if mood == "old" else mood or "")
        began = time.monotonic()
        process = start(executable, folder, mood, environment)
        admin = Client(folder + "/run/admin.sock")
        times = []
        thread = threading.Thread(target=drive, args=(folder + "/run/engine.sock", SECONDS, times))
        if later:
            truth(admin, well, mood, began)
        thread.start()
        if later:
            time.sleep(0.5)
            began = time.monotonic()
            Path(folder, "next").write_text(later)
            os.rename(folder + "/next", folder + "/mood")
        told = truth(admin, holds, mood, began)
        thread.join()
        alive = process.poll() is None
        process.kill()
        process.wait()
    times.sort()
    return {"steps": len(times), "p50_us": times[len(times) // 2] * 1e6, "max_us": times[-1] * 1e6, "told_s": told,
            "alive": alive}


def main():
    executable = os.path.abspath(sys.argv[1])
    if os.geteuid() == 0:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(50))
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        libraries = {}
        for name, flags in (("new", []), ("old", ["-DOLD"])):
            libraries[name] = f"{folder}/{name}"
            os.mkdir(libraries[name])
            library = libraries[name] + "/libnvidia-ml.so.1"
            source = str(ROOT / "Tests/CShim/nvml_double.c")
            compiler = os.environ.get("CC", "cc")
            subprocess.run([compiler, "-shared", "-fPIC", "-w", "-o", library, source, *flags], check=True)
        print(f"{'mood':34} {'steps':>6} {'p50 us':>8} {'max us':>8} {'told after s':>13}  alive")
        for mood, later, holds in MOODS:
            row = measure(executable, libraries, mood, later, holds)
            name = (mood or "no library") + (f", then {later}" if later else "")
            told = "never" if row["told_s"] is None else f"{row['told_s']:.2f}"
            failed |= row["told_s"] is None or not row["alive"]
            print(f"{name:34} {row['steps']:6} {row['p50_us']:8.0f} {row['max_us']:8.0f} {told:>13}  {row['alive']}",
                  flush=True)
    sys.exit(failed)


main()
