"""Container and Kubernetes: the manifests are valid and restricted, name what exists, and what they rely on holds."""

import json
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import unittest
import venv

import yaml

from support import DEPLOY, ROOT, executable, run, skip_loudly, wait_for

MANIFEST = DEPLOY / "kubernetes" / "coxswain.yaml"
CONTAINERFILE = DEPLOY / "container" / "Containerfile"
# Schemas of Kubernetes' own API, without a network.
VALIDATOR = "kubernetes-validate"
INSTALL_TIMEOUT_S = 120


def documents():
    return {document["kind"]: document for document in yaml.safe_load_all(MANIFEST.read_text(encoding="utf-8"))}


def pod():
    return documents()["Deployment"]["spec"]["template"]["spec"]


def sidecar():
    return pod()["initContainers"][0]


def instructions():
    """(word, rest) of the Containerfile, continuation lines joined."""
    text = re.sub(r"(?m)^#.*\n", "", CONTAINERFILE.read_text(encoding="utf-8"))
    return [line.split(" ", 1) for line in text.replace("\\\n", " ").splitlines() if line.strip()]


class ManifestTests(unittest.TestCase):
    def test_kubernetes_schemas_accept_the_manifests(self):
        folder = ROOT / ".build" / "deploy" / "kubernetes"
        program = folder / "bin" / VALIDATOR
        if not program.exists():
            folder.mkdir(parents=True, exist_ok=True)
            venv.create(folder, with_pip=True)
            pip = run(folder / "bin" / "pip", "install", "--quiet", VALIDATOR, timeout=INSTALL_TIMEOUT_S)
            if pip.returncode != 0:
                skip_loudly("the manifests against Kubernetes' schemas", f"{VALIDATOR} cannot be installed")
        result = run(program, "--strict", MANIFEST)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        broken = MANIFEST.read_text(encoding="utf-8").replace("restartPolicy: Always", "restartPolici: Always")
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write(broken)
            file.flush()
            self.assertNotEqual(run(program, "--strict", file.name).returncode, 0, "the check can fail")

    def test_it_is_a_native_sidecar_with_probes(self):
        container = sidecar()
        self.assertEqual(container["restartPolicy"], "Always")
        for probe in ("startupProbe", "livenessProbe"):
            command = container[probe]["exec"]["command"]
            self.assertEqual(command[:2], ["coxswain", "status"])
            # The probe's own limit must not cut its error short.
            self.assertGreater(container[probe]["timeoutSeconds"] * 1000, int(command[3]))

    def test_it_drains_before_it_is_stopped(self):
        command = sidecar()["lifecycle"]["preStop"]["exec"]["command"]
        self.assertEqual(command[:4], ["coxswain", "drain", "--wait", "--timeout-s"])
        # The kubelet must not end the pod in the middle of the wait.
        self.assertGreater(pod()["terminationGracePeriodSeconds"], int(command[4]))

    def test_it_is_restricted(self):
        """Pod Security Standards, profile "restricted"."""
        self.assertTrue(pod()["securityContext"]["runAsNonRoot"])
        self.assertEqual(pod()["securityContext"]["seccompProfile"]["type"], "RuntimeDefault")
        for container in pod()["initContainers"] + pod()["containers"]:
            context = container["securityContext"]
            self.assertFalse(context["allowPrivilegeEscalation"], container["name"])
            self.assertEqual(context["capabilities"]["drop"], ["ALL"], container["name"])
            self.assertGreater(context["runAsUser"], 0)
        self.assertTrue(sidecar()["securityContext"]["readOnlyRootFilesystem"])
        self.assertEqual([volume for volume in pod()["volumes"] if "hostPath" in volume], [])

    def test_both_containers_share_sockets_and_a_group(self):
        server = pod()["containers"][0]
        directories = [next(item["value"] for item in container["env"] if item["name"] == "COXSWAIN_RUNTIME_DIR")
                       for container in (sidecar(), server)]
        self.assertEqual(len(set(directories)), 1)
        for container in (sidecar(), server):
            mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
            self.assertTrue(directories[0].startswith(mounts["sockets"] + "/"), "a directory of the sidecar's own")
            self.assertEqual(container["securityContext"]["runAsGroup"], pod()["securityContext"]["fsGroup"])
        defined = {volume["name"] for volume in pod()["volumes"]}
        for container in (sidecar(), server):
            self.assertLessEqual({mount["name"] for mount in container["volumeMounts"]}, defined)

    def test_the_executable_takes_the_arguments_and_the_policy(self):
        helped = run(executable(), *sidecar()["args"], "--help")
        self.assertEqual(helped.returncode, 0, helped.stderr)
        for word in sidecar()["args"]:
            if word.startswith("--"):
                self.assertIn(word, helped.stdout)
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            file.write(documents()["ConfigMap"]["data"]["policy.json"])
            file.flush()
            result = run(executable(), "policy", "validate", file.name)
            self.assertEqual(result.returncode, 0, result.stdout)

    def test_the_image_runs_without_privileges(self):
        found = instructions()
        last = max(index for index, (word, _) in enumerate(found) if word == "FROM")
        stage = found[last:]
        users = [rest for word, rest in stage if word == "USER"]
        uid, gid = users[-1].split(":")
        context = sidecar()["securityContext"]
        self.assertEqual((int(uid), int(gid)), (context["runAsUser"], context["runAsGroup"]))
        self.assertIn(f"--uid {uid} --gid {gid}", " ".join(rest for word, rest in stage if word == "RUN"))
        self.assertEqual(json.loads(dict(stage)["ENTRYPOINT"]), ["coxswain"])
        helped = run(executable(), *json.loads(dict(stage)["CMD"]), "--help")
        self.assertEqual(helped.returncode, 0, helped.stderr)
        scripts = re.findall(r"Scripts/\S+", CONTAINERFILE.read_text(encoding="utf-8"))
        self.assertTrue(scripts and all((ROOT / script).exists() for script in scripts))


class PodTests(unittest.TestCase):
    """What Kubernetes would do, by hand: its users, its kind of volumes, its way to exchange a ConfigMap."""

    def setUp(self):
        if os.geteuid() != 0:
            skip_loudly("the pod played by hand", "only root can take the users of a pod")
        folder = tempfile.TemporaryDirectory(prefix="coxswain-pod-")
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        os.chmod(self.root, 0o755)
        context, group = sidecar()["securityContext"], pod()["securityContext"]["fsGroup"]
        # An emptyDir belongs to root and the group, and everybody may write to it.
        for name in ("run", "state"):
            (self.root / name).mkdir()
            os.chown(self.root / name, 0, group)
            os.chmod(self.root / name, 0o2777)
        self.publish(documents()["ConfigMap"]["data"]["policy.json"], 1)
        self.environment = dict(
            os.environ, COXSWAIN_RUNTIME_DIR=f"{self.root}/run/sockets", COXSWAIN_STATE_DIR=f"{self.root}/state")
        self.program = self.readable_executable()
        arguments = [word.replace("/etc/coxswain", str(self.root)) for word in sidecar()["args"]]
        self.process = subprocess.Popen(
            self.as_user(context["runAsUser"], context["runAsGroup"], *arguments), env=self.environment,
            stderr=subprocess.DEVNULL)
        self.addCleanup(self.stop)

    def readable_executable(self):
        """The checkout may be closed to other users; a copy, and where its libraries are, is not."""
        for name in ("coxswain", "coxswain-probe"):
            source = pathlib.Path(executable()).parent / name
            if source.exists():
                (self.root / name).write_bytes(source.read_bytes())
                os.chmod(self.root / name, 0o755)
        return self.root / "coxswain"

    def as_user(self, uid, gid, *words):
        return ["setpriv", "--reuid", str(uid), "--regid", str(gid), "--clear-groups", "--no-new-privs",
                "--bounding-set=-all", str(self.program), *words]

    def publish(self, policy, number):
        """Files in a folder of their own, and a link to it that is exchanged atomically."""
        folder = self.root / f"..{number}"
        folder.mkdir()
        (folder / "policy.json").write_text(policy)
        (self.root / "..new").symlink_to(folder.name)
        (self.root / "..new").rename(self.root / "..data")
        link = self.root / "policy.json"
        if not link.is_symlink():
            link.symlink_to("..data/policy.json")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.process.wait(20), 0)

    def probe(self):
        """The manifest's own command, as the kubelet runs it: in the sidecar's container."""
        context = sidecar()["securityContext"]
        words = sidecar()["startupProbe"]["exec"]["command"][1:]
        return run(*self.as_user(context["runAsUser"], context["runAsGroup"], *words), env=self.environment)

    def test_the_server_reaches_the_sidecar_and_the_policy_follows_the_config_map(self):
        wait_for(lambda: self.probe().returncode == 0, "the startup probe")
        server = pod()["containers"][0]["securityContext"]
        reached = run(*self.as_user(server["runAsUser"], server["runAsGroup"], "engine", "--requests", "20"),
                      env=self.environment)
        self.assertEqual(reached.returncode, 0, reached.stderr)
        stranger = run(*self.as_user(12345, 12345, "engine", "--requests", "20"), env=self.environment)
        self.assertNotEqual(stranger.returncode, 0)
        self.publish('{"version": 1, "name": "second", "preset": "vllm-v1"}', 2)
        wait_for(lambda: "policy second (generation 2)" in self.probe().stdout, "the exchanged policy")
        self.publish('{"version": 1, "name": "third", "preset": "no-such-preset"}', 3)
        wait_for(lambda: "refused" in self.probe().stdout.lower() or "no-such-preset" in self.probe().stdout,
                 "the refusal of a wrong one")
        self.assertIn("policy second (generation 2)", self.probe().stdout)


if __name__ == "__main__":
    unittest.main()
