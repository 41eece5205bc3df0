"""The systemd units: accepted by systemd, hardened, and in agreement with the executable."""

import pathlib
import re
import tempfile
import unittest

from support import DEPLOY, executable, run, skip_loudly, tool

UNITS = DEPLOY / "systemd"
EXPOSURE_MAX = 2.0


def entries(unit, section):
    """(key, value) pairs of one section, repeated keys included."""
    found, current = [], None
    for line in (UNITS / unit).read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            current = line.strip("[]")
        elif current == section and "=" in line and not line.startswith("#"):
            found.append(tuple(line.split("=", 1)))
    return found


class UnitTests(unittest.TestCase):
    def test_systemd_accepts_the_units(self):
        analyze = tool("systemd-analyze", "systemd")
        # The program of ExecStart must exist for the check: the paths of an installed machine are made here.
        with tempfile.TemporaryDirectory() as directory:
            root = pathlib.Path(directory)
            for unit in UNITS.glob("coxswain*.s*"):
                if unit.suffix in (".service", ".socket"):
                    text = unit.read_text(encoding="utf-8").replace("/usr/bin/coxswain", executable())
                    (root / unit.name).write_text(re.sub("(?m)^Documentation=.*\n", "", text), encoding="utf-8")
            for unit in sorted(root.iterdir()):
                result = run(analyze, "verify", "--man=no", "--recursive-errors=no", unit)
                complaints = [line for line in result.stderr.splitlines() if "coxswain" in line]
                self.assertEqual((result.returncode, complaints), (0, []), result.stderr)

    def test_exposure_is_low(self):
        analyze = tool("systemd-analyze", "systemd")
        result = run(analyze, "security", "--offline=true", "--no-pager", UNITS / "coxswain.service")
        exposure = re.search(r"Overall exposure level for coxswain\.service: ([0-9.]+)", result.stdout)
        if exposure is None:
            skip_loudly("the exposure of the service", f"this systemd does not judge offline: {result.stderr.strip()}")
        self.assertLessEqual(float(exposure[1]), EXPOSURE_MAX, result.stdout)

    def test_sockets_go_by_the_names_that_the_sidecar_knows(self):
        for kind, group in (("engine", "coxswain"), ("admin", "coxswain-admin")):
            socket = dict(entries(f"coxswain-{kind}.socket", "Socket"))
            self.assertEqual(socket["ListenStream"], f"/run/coxswain/{kind}.sock")
            self.assertEqual(socket["FileDescriptorName"], kind)
            self.assertEqual((socket["SocketMode"], socket["SocketGroup"]), ("0660", group))
            self.assertEqual(socket["Service"], "coxswain.service")

    def test_the_directory_is_the_same_everywhere(self):
        service = dict(entries("coxswain.service", "Service"))
        tmpfiles = [line.split() for line in (UNITS / "coxswain.tmpfiles").read_text().splitlines() if line[:2] == "d "]
        mode = service["RuntimeDirectoryMode"]
        self.assertEqual(tmpfiles, [["d", "/run/coxswain", mode, service["User"], service["Group"], "-"]])
        self.assertEqual(service["RuntimeDirectoryPreserve"], "yes", "or stopping it removes the sockets of systemd")
        for kind in ("engine", "admin"):
            self.assertEqual(dict(entries(f"coxswain-{kind}.socket", "Socket"))["DirectoryMode"], mode)

    def test_probes_keep_what_they_read(self):
        service = entries("coxswain.service", "Service")
        keys = dict(service)
        # Each of these would raise the score and take a probe away; Docs/deploying.md says which.
        self.assertNotIn("ProcSubset", keys)
        self.assertNotIn("PrivateDevices", keys)
        self.assertNotIn("PrivateUsers", keys)
        self.assertIn(("DeviceAllow", "char-nvidiactl rw"), service)
        self.assertNotIn("InaccessiblePaths", keys)

    def test_the_system_calls_that_numa_probes_need_stay(self):
        analyze = tool("systemd-analyze", "systemd")
        filters = [value for key, value in entries("coxswain.service", "Service") if key == "SystemCallFilter"]
        allowed = self.calls(analyze, "@system-service")
        for denied in (name for value in filters if value.startswith("~") for name in value[1:].split()):
            allowed -= self.calls(analyze, denied)
        for name in ("get_mempolicy", "set_mempolicy", "setpriority", "sched_getaffinity", "poll", "statfs", "kill", "setpgid", "execve"):
            self.assertIn(name, allowed)

    def calls(self, analyze, name):
        names = set()
        for line in run(analyze, "syscall-filter", "--no-pager", name).stdout.splitlines()[1:]:
            word = line.strip()
            if word.startswith("@"):
                names |= self.calls(analyze, word)
            elif word and not word.startswith("#"):
                names.add(word)
        return names


if __name__ == "__main__":
    unittest.main()
