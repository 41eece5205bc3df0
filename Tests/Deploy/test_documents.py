"""Man pages and shell completions, made by the executable itself."""

import json
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

from support import ROOT, executable, run, tool

SHELLS = {"bash": "coxswain.bash", "zsh": "_coxswain", "fish": "coxswain.fish"}


def commands(node, path=()):
    """(words, node) of every command but `help`."""
    words = (*path, node["commandName"])
    yield words, node
    for child in node.get("subcommands", []):
        if child["commandName"] != "help":
            yield from commands(child, words)


class DocumentTests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.pages, cls.completions = pathlib.Path(folder.name, "man"), pathlib.Path(folder.name, "completions")
        made = run(ROOT / "Scripts" / "man.sh", executable(), cls.pages, cls.completions)
        assert made.returncode == 0, made.stderr
        cls.root = json.loads(run(executable(), "--experimental-dump-help").stdout)["command"]

    def text(self, words):
        return (self.pages / f"{'-'.join(words)}.1").read_text(encoding="utf-8")

    def test_each_command_has_a_page_with_its_options_and_examples(self):
        found = list(commands(self.root))
        self.assertGreater(len(found), 25)
        for words, node in found:
            text = self.text(words).replace("\\-", "-")
            for argument in node.get("arguments", []):
                for name in argument.get("names", []):
                    option = ("-" if name["kind"] == "short" else "--") + name["name"]
                    self.assertIn(f"\\fB{option}\\fR", text, words)
            self.assertIn(".SH EXAMPLES", text, words)
            self.assertRegex(text, r"\.EX\n.*coxswain ", words)
        self.assertEqual(len(list(self.pages.glob("coxswain*.1"))), len(found) + 1, "and coxswain-probe")

    def test_every_example_of_the_help_is_in_its_page(self):
        for words, node in commands(self.root):
            _, _, examples = (node.get("discussion") or "").partition("EXAMPLES\n")
            text = self.rendered(self.text(words))
            for line in examples.split("\n\n")[0].splitlines():
                command = re.split(r" {3,}(?=[^'\"|]*$)", line.strip())[0]
                self.assertIn(command, text, words)

    @staticmethod
    def rendered(text):
        for roff, plain in (("\\-", "-"), ("\\(aq", "'"), ("\\(ga", "`"), ("\\(ha", "^"), ("\\(ti", "~"), ("\\&", ""),
                            ("\\e", "\\")):
            text = text.replace(roff, plain)
        return text

    def test_the_probe_s_page_has_every_option(self):
        probe = pathlib.Path(executable()).parent / "coxswain-probe"
        options = set(re.findall(r"^  (--[a-z-]+)", run(probe, "--help").stdout, re.M))
        page = (self.pages / "coxswain-probe.1").read_text(encoding="utf-8").replace("\\-", "-")
        self.assertGreater(len(options), 10)
        self.assertEqual({option for option in options if f"\\fB{option}\\fR" not in page}, set())

    def test_mandoc_has_no_complaint(self):
        mandoc = tool("mandoc", "mandoc")
        result = run(mandoc, "-T", "lint", "-W", "warning", *sorted(self.pages.glob("*.1")))
        self.assertEqual((result.returncode, result.stdout), (0, ""), result.stderr)

    def test_man_has_no_complaint(self):
        man = tool("man", "man-db")
        environment = dict(os.environ, LC_ALL="C.UTF-8", MANWIDTH="80", MANROFFSEQ="")
        for page in sorted(self.pages.glob("*.1")):
            result = run(man, "--warnings", "-l", page, env=environment)
            self.assertEqual((result.returncode, result.stderr), (0, ""), page.name)

    def test_references_lead_somewhere(self):
        for page in self.pages.glob("*.1"):
            for name in re.findall(r"^\.BR (\S+) \(1\)", page.read_text(encoding="utf-8"), re.M):
                self.assertTrue((self.pages / f"{name.replace(chr(92), '')}.1").exists(), f"{page.name}: {name}")

    def test_completions_are_scripts_of_their_shells(self):
        for shell, name in SHELLS.items():
            with self.subTest(shell=shell):
                program = tool(shell, shell)
                result = run(program, "-n", self.completions / name)
                self.assertEqual((result.returncode, result.stderr), (0, ""))
                text = (self.completions / name).read_text(encoding="utf-8")
                for word in ("serve", "dry-run", "metrics-port"):
                    self.assertIn(word, text)

    def test_bash_completes_commands_and_options(self):
        script = self.completions / "coxswain.bash"
        for line, expected in (("coxswain ser", "serve"), ("coxswain policy roll", "rollback"),
                               ("coxswain serve --metr", "--metrics-port")):
            words = line.split()
            body = f'''source {script}
                COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; COMP_LINE="{line}"; COMP_POINT={len(line)}
                COMP_TYPE=9; COMP_KEY=9
                handler=$(complete -p coxswain | sed -E 's/.*-F ([^ ]+).*/\\1/')
                "$handler" coxswain "{words[-1]}" "{words[-2]}"
                printf '%s\\n' "${{COMPREPLY[@]}}"'''
            environment = dict(os.environ, PATH=f"{pathlib.Path(executable()).parent}:{os.environ['PATH']}")
            result = subprocess.run(["bash", "-c", body], capture_output=True, text=True, env=environment, timeout=60)
            self.assertIn(expected, result.stdout.replace("=", " ").split(), f"{line}: {result.stderr}")


if __name__ == "__main__":
    unittest.main()
