"""The Debian package: what is in it, that it installs on a clean system, and that systemd runs it there."""

import functools
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from support import ROOT, executable, run, skip_loudly, tool

BUILD_TIMEOUT_S = 600
ROOT_TIMEOUT_S = 300
BOOT_TIMEOUT_S = 120
CACHE = ROOT / ".build" / "deploy"
# What a Debian system with systemd has, and the libraries that the package depends on.
CLEAN_PACKAGES = "systemd,systemd-sysv,dbus,passwd,libnuma1,libhwloc15,libcjson1,libstdc++6"
SUITE = "bookworm"
CHECKS = pathlib.Path(__file__).with_name("installed.sh")


def executables():
    """The folder of the executable under test, which has coxswain-probe as well."""
    return pathlib.Path(executable()).parent


@functools.cache
def package():
    """Path of a freshly built package."""
    tool("dpkg-deb", "dpkg")
    tool("dpkg-shlibdeps", "dpkg-dev")
    return build_package(CACHE / "package")


def build_package(folder):
    shutil.rmtree(folder, ignore_errors=True)
    environment = dict(os.environ, COXSWAIN_BUILD=str(executables()), COXSWAIN_DEB=str(folder))
    built = run(ROOT / "Scripts" / "deb.sh", env=environment, timeout=BUILD_TIMEOUT_S)
    if built.returncode != 0:
        raise AssertionError(built.stderr)
    return pathlib.Path(built.stdout.strip())


@functools.cache
def clean_system():
    """Archive of a Debian system on which nothing of ours was ever installed; made once and kept."""
    if os.geteuid() != 0:
        skip_loudly("the installation on a clean system", "needs root")
    maker = tool("mmdebstrap", "mmdebstrap")
    archive = CACHE / f"{SUITE}.tar"
    if not archive.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        part = archive.with_suffix(".part.tar")
        made = run(maker, "--quiet", "--variant=minbase", f"--include={CLEAN_PACKAGES}", SUITE, part,
                   timeout=ROOT_TIMEOUT_S)
        if made.returncode != 0:
            skip_loudly("the installation on a clean system", f"no Debian system could be made: {made.stderr[-500:]}")
        part.rename(archive)
    return archive


class PackageTests(unittest.TestCase):
    PROGRAMS = (pathlib.Path("usr/bin"), pathlib.Path("usr/lib/coxswain"))

    def field(self, name):
        return run("dpkg-deb", "-f", package(), name).stdout.strip()

    def files(self):
        listing = run("dpkg-deb", "-c", package()).stdout.splitlines()
        return {line.split()[5].lstrip("."): line.split()[:2] for line in listing}

    def test_control(self):
        number = re.search(r'"version": *"([^"]+)"', run(executables() / "coxswain", "version", "-o", "json").stdout)[1]
        self.assertRegex(self.field("Version"), rf"^{re.escape(number)}(~\d{{14}}\.[0-9a-f]{{7}})?$")
        for library in ("libc6 (>=", "libnuma1 (>=", "libhwloc15 (>=", "libcjson1 (>="):
            self.assertIn(library, self.field("Depends"))
        self.assertGreater(int(self.field("Installed-Size")), 1000)

    def test_everything_is_in_it_and_belongs_to_root(self):
        files = self.files()
        self.assertEqual({owner for _, owner in files.values()}, {"root/root"})
        self.assertEqual([path for path, (mode, _) in files.items() if mode[8] == "w" and mode[0] != "l"], [])
        expected = [
            "/usr/bin/coxswain", "/usr/bin/coxswain-probe", "/etc/default/coxswain", "/etc/coxswain/policy.json",
            "/usr/lib/systemd/system/coxswain.service", "/usr/lib/systemd/system/coxswain-engine.socket",
            "/usr/lib/systemd/system/coxswain-admin.socket", "/usr/lib/tmpfiles.d/coxswain.conf",
            "/usr/share/man/man1/coxswain.1.gz", "/usr/share/man/man1/coxswain-policy-apply.1.gz",
            "/usr/share/man/man1/coxswain-probe.1.gz", "/usr/share/bash-completion/completions/coxswain",
            "/usr/share/zsh/vendor-completions/_coxswain", "/usr/share/fish/vendor_completions.d/coxswain.fish",
            "/usr/share/doc/coxswain/copyright", "/usr/share/doc/coxswain/changelog.gz",
        ]
        for folder in ("Schemas", "Policies", "Profiles"):
            expected += [f"/usr/share/coxswain/{folder.lower()}/{path.name}" for path in (ROOT / folder).glob("*.json")]
        self.assertEqual([path for path in expected if path not in files], [])

    def test_nothing_names_the_machine_that_built_it(self):
        with tempfile.TemporaryDirectory() as folder:
            run("dpkg-deb", "-R", package(), folder)
            for path in pathlib.Path(folder).rglob("*"):
                # Executables may name where their sources were, and where the compiler's libraries are.
                if path.is_file() and path.parent.relative_to(folder) not in self.PROGRAMS:
                    self.assertNotIn(str(ROOT).encode(), path.read_bytes(), path)

    def test_the_same_executables_give_the_same_bytes(self):
        again = build_package(CACHE / "again")
        self.addCleanup(shutil.rmtree, again.parent)
        self.assertEqual(package().read_bytes(), again.read_bytes())

    def test_lintian_has_no_complaint(self):
        lintian = tool("lintian", "lintian")
        # An executable that is not linked statically names its compiler's folder as well; that does no harm.
        result = run(lintian, "--allow-root", "--fail-on", "error,warning", "--suppress-tags",
                     "custom-library-search-path", package(), timeout=300)
        self.assertEqual(result.returncode, 0, result.stdout)


class InstalledTests(unittest.TestCase):
    """`installed.sh` runs in the clean system; each line of its report is one check."""

    def setUp(self):
        archive, built = clean_system(), package()
        self.directory = tempfile.TemporaryDirectory(prefix="coxswain-root-")
        self.addCleanup(self.directory.cleanup)
        self.root = pathlib.Path(self.directory.name, "root")
        self.root.mkdir()
        subprocess.run(["tar", "-xf", archive, "-C", self.root], check=True)
        shutil.copy(built, self.root / "srv" / "coxswain.deb")
        shutil.copy(CHECKS, self.root / "srv" / "installed.sh")

    def report(self, log):
        """Names of the checks that passed; fails with the log when one did not."""
        lines = log.splitlines()
        failed = [line for line in lines if line.startswith("FAILED")]
        self.assertEqual(failed, [], log[-6000:])
        self.assertIn("END", lines, log[-6000:])
        return [line.split(" ", 1)[1] for line in lines if line.startswith("passed ")]

    def test_without_systemd(self):
        """As in a container image: dpkg, then `coxswain serve` by hand."""
        command = ["unshare", "--mount", "--pid", "--fork", f"--mount-proc={self.root}/proc", "chroot", self.root,
                   "/bin/sh", "/srv/installed.sh", "plain"]
        result = run(*command, timeout=BOOT_TIMEOUT_S)
        if "unshare failed" in result.stderr:
            skip_loudly("the installation without systemd", result.stderr.strip())
        self.assertGreaterEqual(len(self.report(result.stdout)), 8, result.stderr)

    def test_under_systemd(self):
        """Boots the system: units, groups, probes under hardening, reload, watchdog, upgrade, removal, purge."""
        nspawn = tool("systemd-nspawn", "systemd-container")
        wanted = self.root / "etc/systemd/system/multi-user.target.wants"
        unit = "[Service]\nType=oneshot\nStandardOutput=file:/srv/log\nStandardError=file:/srv/errors\n" \
            "ExecStart=/bin/sh /srv/installed.sh systemd\nExecStopPost=/bin/systemctl --no-block exit\n"
        (wanted.parent / "installed.service").write_text(unit)
        wanted.mkdir(exist_ok=True)
        (wanted / "installed.service").symlink_to("../installed.service")
        environment = dict(os.environ, SYSTEMD_NSPAWN_UNIFIED_HIERARCHY="1")
        command = [nspawn, "-q", "-D", self.root, "--boot", "--register=no", "--keep-unit", "--private-network"]
        result = run(*command, timeout=BOOT_TIMEOUT_S, env=environment, stdin=subprocess.DEVNULL)
        log = self.root / "srv" / "log"
        if not log.exists():
            skip_loudly("the package under systemd", f"no system could be booted here: {result.stderr.strip()[-300:]}")
        errors = (self.root / "srv" / "errors").read_text(errors="replace")
        self.assertGreaterEqual(len(self.report(log.read_text(errors="replace") + errors[-3000:])), 20)


if __name__ == "__main__":
    unittest.main()
