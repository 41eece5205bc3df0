"""vLLM's own scheduler tests: with our classes, without a sidecar and with one on vLLM's own rules, each must pass or
fail exactly as with vLLM's classes. The tests come from vLLM's source distribution ($COXSWAIN_VLLM_WORK/source)."""

import json
import os
import subprocess
import sys
import tempfile
import unittest

from . import support

FILES = (
    "test_scheduler.py", "test_async_scheduler.py", "test_priority_preemption_bug.py",
    "test_priority_scheduler_random.py", "test_prefix_replay.py", "test_deferred_block_free.py",
    "test_swa_inflight_window_free.py", "test_mamba_align_chunk_split.py")
TESTS_MIN = 200


def make_opt(folder):
    """A tiny model under the name that the tests ask for; the others they ask for are not to be had, and fail alike."""
    path = os.path.join(folder, "facebook", "opt-125m")
    if os.path.exists(os.path.join(path, "tokenizer_config.json")):
        return
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import OPTConfig, OPTForCausalLM, PreTrainedTokenizerFast
    size = 50272
    OPTForCausalLM(OPTConfig(
        vocab_size=size, hidden_size=64, ffn_dim=128, num_hidden_layers=2, num_attention_heads=4,
        word_embed_proj_dim=64, max_position_embeddings=2048)).save_pretrained(path)
    words = {"<unk>": 0, "<s>": 1, "</s>": 2, **{f"w{i}": i for i in range(3, size)}}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="<unk>", bos_token="<s>", eos_token="</s>",
        pad_token="<unk>").save_pretrained(path)


class OwnTests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.source = os.path.join(support.work_folder(), "source")
        if not os.path.isdir(os.path.join(cls.source, "tests", "v1", "core")):
            print("\n*** SKIPPED vLLM's own scheduler tests: no source distribution ***", file=sys.stderr)
            raise unittest.SkipTest("vLLM's source distribution is not there")
        cls.models = os.path.join(support.work_folder(), "models")
        make_opt(cls.models)
        cls.stock = cls.verdicts(False)

    @classmethod
    def verdicts(cls, substitute, **environment):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "verdicts.json")
            environment = support.offline_environment(
                COXSWAIN_SUBSTITUTE=int(substitute), COXSWAIN_VERDICTS=path, COXSWAIN_DEADLINE_MS=500,
                VLLM_LOGGING_LEVEL="ERROR", **environment)
            environment["PYTHONPATH"] = f"{support.CLIENT_FOLDER}:{cls.source}"
            done = subprocess.run(
                [sys.executable, "-m", "pytest", "--noconftest", "-p", "no:cacheprovider", "-p",
                 "vllm_tests.substitute", "-q", "--tb=no", "--rootdir", cls.source,
                 *(os.path.join(cls.source, "tests", "v1", "core", name) for name in FILES)],
                env=environment, cwd=cls.models, capture_output=True, text=True, timeout=600)
            if not os.path.exists(path):
                raise AssertionError(f"pytest ended with {done.returncode}: {done.stdout[-3000:]}{done.stderr[-3000:]}")
            with open(path, encoding="utf-8") as file:
                return json.load(file)

    def compare(self, ours):
        different = {name: (self.stock.get(name), ours.get(name))
                     for name in {*self.stock, *ours} if self.stock.get(name) != ours.get(name)}
        self.assertEqual(different, {})
        self.assertGreater(sum(verdict == "passed" for verdict in ours.values()), TESTS_MIN)

    def test_without_a_sidecar(self):
        self.compare(self.verdicts(True, COXSWAIN_RUNTIME_DIR=os.path.join(support.work_folder(), "nobody-is-here")))

    def test_with_a_sidecar_on_vllms_own_rules(self):
        sidecar = support.Sidecar(support.POLICIES / "vllm-v1-drafts.json")
        self.addCleanup(sidecar.close)
        self.compare(self.verdicts(True, COXSWAIN_RUNTIME_DIR=sidecar.folder))
        self.assertGreater(sidecar.log().count("registered"), 100, "the tests did not meet the sidecar")


if __name__ == "__main__":
    unittest.main()
