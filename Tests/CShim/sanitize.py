#!/usr/bin/env python3
"""Builds the C shim and the helper with address and undefined-behaviour sanitizers and feeds them whole, cut and
mangled files: `python3 Tests/CShim/sanitize.py [--rounds N] [--seed N]`. Exit 0 means that nothing was found."""

import argparse
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
FLAGS = ["-std=c17", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-g", "-O1", "-fno-omit-frame-pointer",
         "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
PRESSURE = "some avg10=1.25 avg60=0.40 avg300=0.07 total=123456\nfull avg10=0.50 avg60=0.00 avg300=0.00 total=789\n"
MEMINFO = "MemTotal: 16384000 kB\nMemFree: 4096000 kB\nMemAvailable: 8192000 kB\nInactive(file): 2048000 kB\n"
MOUNTS = (
    "33 30 0:29 / /sys/fs/cgroup/memory rw,nosuid shared:9 - cgroup cgroup rw,memory\n"
    "34 30 0:30 / /sys/fs/cgroup/cpuset rw,nosuid shared:10 - cgroup cgroup rw,cpuset\n"
    "31 30 0:27 / /sys/fs/cgroup/uni\\040fied rw,nosuid shared:5 - cgroup2 cgroup2 rw,nsdelegate\n"
)
FILES = {
    "proc/pressure/memory": PRESSURE, "proc/pressure/cpu": PRESSURE, "proc/pressure/io": PRESSURE,
    "proc/meminfo": MEMINFO, "proc/sys/kernel/numa_balancing": "1\n", "proc/self/mountinfo": MOUNTS,
    "proc/self/status": "Name:\tx\nCpus_allowed_list:\t0-3,8\nMems_allowed_list:\t0,8\n",
    "proc/self/cgroup": "9:memory:/a/b\n8:cpuset:/a\n0::/z\n",
    "sys/devices/system/cpu/online": "0-7\n", "sys/devices/system/node/online": "0,8\n",
    "sys/devices/system/node/possible": "0-8\n",
    "sys/devices/system/node/node0/meminfo": "Node 0 MemTotal: 1000 kB\nNode 0 MemFree: 10 kB\n",
    "sys/devices/system/node/node0/cpulist": "0-7\n", "sys/devices/system/node/node0/distance": "10 40\n",
    "sys/devices/system/node/node8/meminfo": "Node 8 MemTotal: 1000 kB\nNode 8 MemFree: 10 kB\n",
    "sys/devices/system/node/node8/cpulist": "\n", "sys/devices/system/node/node8/distance": "40 10\n",
    "sys/fs/cgroup/memory/a/b/memory.limit_in_bytes": "1000000\n",
    "sys/fs/cgroup/memory/a/b/memory.usage_in_bytes": "900000\n",
    "sys/fs/cgroup/memory/a/b/memory.memsw.usage_in_bytes": "900001\n",
    "sys/fs/cgroup/memory/a/b/memory.stat": "cache 1\nhierarchical_memory_limit 900000\ntotal_inactive_file 500\n",
    "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
    "sys/fs/cgroup/memory/memory.usage_in_bytes": "12\n",
    "sys/fs/cgroup/cpuset/a/cpuset.effective_cpus": "0-3\n",
    "sys/fs/cgroup/cpuset/a/cpuset.effective_mems": "0\n",
    "sys/fs/cgroup/uni fied/z/memory.max": "max\n",
}
# hwloc text that must load, and text that must be refused.
SYNTHETIC = ["pu:1", "pack:2 [numa(memory=1073741824)] l3:1 core:4 pu:2",
             "pack:2 group:4 [numa(memory=135291469824)] [numa(memory=17179869184)] core:14 pu:2",
             "pack:16 [numa(memory=1073741824)] core:2 pu:1"]
# Moods of the driver's double in which a look ends by itself.
MOODS = ["normal", "mig", "no-driver", "mismatch", "denied", "lost", "reset", "reloaded", "xid"]
REFUSED = ["", "nonsense", "pack:0", "numa:99999999999", "pack:2 core:"]


def compile_all(folder):
    shim = [str(path) for path in sorted((ROOT / "CShim/Shim").glob("*.c"))]
    probe = [str(path) for path in sorted((ROOT / "CShim/Probe").glob("*.c"))]
    include = "-I" + str(ROOT / "CShim/Shim/include")
    compiler = os.environ.get("CC", "cc")
    driver = str(ROOT / "Tests/CShim/collect.c")
    subprocess.run([compiler, *FLAGS, include, driver, *shim, "-o", folder / "collect", "-lnuma"], check=True)
    libraries = ["-lhwloc", "-lnuma", "-lcjson"]
    subprocess.run([compiler, *FLAGS, *probe, "-o", folder / "probe", *libraries], check=True)


def drive_gpus(folder):
    """The part that reads GPU drivers, against the double, old and new, once and streaming."""
    compiler = os.environ.get("CC", "cc")
    for name, flags in (("new", []), ("old", ["-DOLD"])):
        library = folder / f"lib{name}.so"
        source = str(ROOT / "Tests/CShim/nvml_double.c")
        subprocess.run([compiler, "-shared", "-fPIC", "-w", "-o", library, source, *flags], check=True)
        for mood in MOODS:
            run([folder / "probe", "--gpus", "--stages", "--nvml", library], {0}, NVML_DOUBLE=mood)
            stream = [folder / "probe", "--gpus", "--stream", "--fast-ms", "100", "--slow-ms", "200", "--nvml", library]
            # Ended from outside (124) or by itself.
            run(["timeout", "0.7", *stream], {0, 75, 124}, NVML_DOUBLE=mood)
    cuda = folder / "libcuda.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-w", "-o", cuda, ROOT / "Tests/CShim/cuda_double.c"], check=True)
    calibrate = [folder / "probe", "--calibrate", "--nvml", folder / "libnew.so", "--cuda", cuda]
    for mood in ("normal", "no-device", "no-memory"):
        run([*calibrate, "--force", "--disk", folder, "--store", folder / "calibration.json"], {0}, CUDA_DOUBLE=mood)
    run(calibrate, {0})
    run([*calibrate, "--store", folder / "nowhere/calibration.json"], {1})
    run([folder / "probe", "--gpus", "--nvml", folder / "none.so"], {0})
    run([folder / "probe", "--stream"], {64})
    run([folder / "probe", "--gpus", "--stream", "--fast-ms", "1"], {64})


def write(folder, files):
    for path, data in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)


def mangled(data, rng):
    """Cut, repeated, overwritten or replaced by something extreme."""
    choice = rng.randrange(6)
    if choice == 0:
        return data[: rng.randrange(len(data) + 1)]
    if choice == 1:
        return data * rng.randrange(1, 400)
    if choice == 2:
        return bytes(rng.randrange(256) for _ in range(rng.randrange(64)))
    if choice == 3:
        return data.replace(b"1", rng.choice([b"9" * 19, b"-1", b"", b"99999999999999999999999"]))
    if choice == 4:
        return data.replace(rng.choice([b" ", b"\n", b":", b"/", b"-", b","]), rng.choice([b"", b"\0", b"//", b"\n\n"]))
    at = rng.randrange(len(data) + 1)
    return data[:at] + bytes([rng.randrange(256)]) + data[at + 1 :]


def run(command, codes, **more):
    # Plug-ins of hwloc keep memory for the life of the process, which is short for the helper.
    leaks = int(Path(command[0]).name == "collect")
    environment = os.environ | {"ASAN_OPTIONS": f"detect_leaks={leaks}"} | more
    done = subprocess.run(command, capture_output=True, env=environment, timeout=60)
    if done.returncode not in codes:
        sys.exit(f"{command}: exit {done.returncode}\n{done.stderr.decode(errors='replace')[-4000:]}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    whole = {path: text.encode() for path, text in FILES.items()}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        compile_all(folder)
        for number in range(options.rounds + 1):
            tree = folder / "tree"
            picked = set(rng.sample(sorted(whole), rng.randrange(1, 6))) if number else set()
            write(tree, {path: mangled(data, rng) if path in picked else data for path, data in whole.items()})
            run([folder / "collect", tree / "proc", tree / "sys"], {0})
        run([folder / "collect", folder / "nothing", folder / "nothing"], {0})
        run([folder / "collect", "/proc", "/sys"], {0})
        run([folder / "collect", "x" * 600, "/sys"], {1})
        run([folder / "probe"], {0})
        drive_gpus(folder)
        for text in SYNTHETIC:
            run([folder / "probe", "--topology-synthetic", text], {0})
        for text in REFUSED:
            run([folder / "probe", "--topology-synthetic", text], {1})
        run([folder / "probe", "--topology-xml", folder / "none.xml"], {1})
        run([folder / "probe", "--unknown"], {64})
        for file in sorted((ROOT / "Tests/Topologies").glob("*.xml")):
            run([folder / "probe", "--topology-xml", file], {0})
    print(f"seed {options.seed}: {options.rounds} mangled machines, nothing found")


main()
