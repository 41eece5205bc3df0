import Glibc
import SchedulerCore
import Testing
import WireProtocol

@testable import Simulator

struct ProfileImportTests {
  private func options(_ change: (inout ProfileImportOptions) -> Void) -> ProfileImportOptions {
    var options = ProfileImportOptions()
    change(&options)
    return options
  }

  /// One chunk of 128 tokens after 512, with 8 decodes of 256: 136 tokens, 9 sequences. A layer takes 2 x 3.36
  /// layernorm, 53.6 qkv, 3 rotary, 33.6 o, 134.4 gate and up, 5.72 activation, 67.2 down: 304.24 us; attention 5 +
  /// 0.001 x 128 x 576 + 0.02 x 2048 = 119.688 us; 32 of each, and 3 + 3 + 700 + 30 us once.
  @Test func iterationsAreTheSumOfTheirKernels() throws {
    let composer = IterationComposer(
      kernels: try KernelFolder(KernelFolderFixture().path), layers: 32, kvCapacityTokens: 1 << 30)
    let sample = try #require(
      composer.samples().first { $0.prefillTokens == 128 && $0.prefixTokens == 512 && $0.decodeContextTokens == 2048 })
    #expect(sample.prefillPairs == 128 * 576)
    #expect(sample.decodes == 8)
    #expect(sample.longestContextTokens == 256)
    #expect(abs(sample.ms - (32 * (304.24 + 119.688) + 736) / 1000) < 1e-9, "\(sample.ms)")
  }

  /// Linear kernels make linear iterations: 32 layers, so c = 32 x 0.001 us and e = 32 x 0.02 us, b = 32 x 0.84 us.
  @Test func theLinearFormFindsLinearTimes() throws {
    let imported = try ProfileImport(
      folder: KernelFolderFixture().path,
      options: options {
        $0.form = .linear
        $0.kvTokens = 1 << 30
      })
    let k = imported.profile.time.withPrefill
    #expect(imported.withPrefill.linearError.max < 1e-6)
    #expect(abs(k.b - 0.02688) < 1e-7)
    #expect(abs(k.c - 0.000032) < 1e-10)
    #expect(abs(k.d - 0.02688) < 1e-7)
    #expect(abs(k.e - 0.00064) < 1e-9)
    #expect(imported.decodeOnly.linearError.max < 1e-6)
    #expect(imported.withPrefill.rooflineError.p50 < 0.05)
  }

  @Test func theRooflineFormFindsItsOwnCoefficients() {
    let truth = IterationTimeModel.Coefficients(
      a: 4, b0: 5, b: 0.03, c: 2e-6, g: 6e-4, d: 0.02, e: 1.2e-4, f: 5e-4)
    var samples: [IterationSample] = []
    for chunk in [16.0, 64, 256, 1024, 2048] {
      for prefix in [0.0, 512, 4096, 16_384] {
        for decodes in [0.0, 4, 32, 128] {
          for context in decodes == 0 ? [0.0] : [64.0, 1024, 8192] {
            var sample = IterationSample(
              prefillTokens: chunk, prefillPairs: chunk * (prefix + chunk / 2), prefixTokens: prefix,
              decodes: decodes, decodeContextTokens: decodes * context, longestContextTokens: context, ms: 1)
            sample.ms = IterationTimeModel.ms(sample, .roofline, truth)
            samples.append(sample)
          }
        }
      }
    }
    let fit = RegimeFit(samples)
    #expect(fit.rooflineError.max < 1e-3, "\(fit.rooflineError)")
    #expect(abs(fit.roofline.b / truth.b - 1) < 1e-3)
    #expect(abs(fit.roofline.c / truth.c - 1) < 1e-3)
    #expect(fit.linearError.p50 > fit.rooflineError.p50)
  }

  @Test func coefficientsAreNeverNegative() {
    // Time falls with n: an unbounded fit would give d < 0.
    let samples = (1...40).map { n in
      IterationSample(
        prefillTokens: 0, prefillPairs: 0, prefixTokens: 0, decodes: Double(n), decodeContextTokens: Double(n * 100),
        longestContextTokens: 100, ms: 20 - 0.1 * Double(n))
    }
    let fit = RegimeFit(samples)
    for k in [fit.linear, fit.roofline] {
      #expect([k.a, k.b0, k.b, k.c, k.g, k.d, k.e, k.f].allSatisfy { $0 >= 0 }, "\(k)")
    }
    #expect(abs(fit.linear.a - 17.6) < 1)
  }

  /// Skewed batches go a tenth of the way from the mean's time to the longest's, two tenths beside prefill.
  @Test func unequalContextsTakeAShareOfTheWay() throws {
    let fixture = try KernelFolderFixture()
    try fixture.write(
      "skew.csv",
      "regime,n,pc,t_mean_us,t_max_us,t_skew_us,alpha\npure,8,0,100,200,110,0.1\npure,8,0,50,90,54,0.1\n"
        + "mixed,8,16,100,300,140,0.2\n")
    try fixture.compress("skew.csv")
    let time = try ProfileImport(
      folder: fixture.path,
      options: options {
        $0.form = .linear
        $0.kvTokens = 1 << 30
      }
    ).profile.time
    #expect(abs(time.decodeOnly.h - 0.1 * time.decodeOnly.e) < 1e-12)
    #expect(abs(time.withPrefill.h - 0.2 * time.withPrefill.e) < 1e-12)
    // 7 contexts of 100 and one of 900: 5,600 tokens short of eight of 900.
    var equal = IterationFeatures()
    var skewed = IterationFeatures()
    for index in 0..<8 {
      equal.addDecode(context: 200)
      skewed.addDecode(context: index == 0 ? 900 : 100)
    }
    let more = Double(time.elapsedUs(skewed) - time.elapsedUs(equal)) / 1000
    #expect(abs(more - time.decodeOnly.h * 5600) < 0.002, "\(more)")
    #expect(ContextSkew.share([]) == 0)
    // Drafts read the context of their sequence and wait for nobody.
    var drafting = IterationFeatures()
    drafting.addDecode(context: 500, tokens: 4)
    #expect(drafting.shortContextTokens == 0)
    #expect(skewed.shortContextTokens == 5600)
  }

  // MARK: - What the folder says and what it does not

  @Test func theProfileSaysWhatTheFolderSays() throws {
    let profile = try ProfileImport(folder: KernelFolderFixture().path).profile
    #expect(profile.name == "rtx4090-llama-3.1-8b")
    #expect(profile.gpu == "NVIDIA GeForce RTX 4090")
    #expect(profile.parameters == 8_030_261_248)
    #expect(profile.kvBytesPerToken == 131_072)
    #expect(profile.stepTokens == 2048)
    #expect(profile.sequences == 128)
    #expect(profile.length == 131_072)
    // 24,564 MiB x 0.9 less 1,536 MiB less 2 bytes for each weight, in blocks of 16 tokens of 128 KiB.
    #expect(profile.kvCapacityTokens == 42_032)
    #expect(profile.source.contains("vLLM 0.19.0"))
  }

  /// A run that was measured beside the kernels had limits of its own: a simulation of it needs those.
  @Test func limitsOfAMeasuredRunComeBeforeThoseOfTheProfiler() throws {
    let fixture = try KernelFolderFixture()
    let file = "vllm_measured_meta.json"
    try fixture.write(file, "{\"engine_kwargs\":{\n\"max_num_seqs\":96,\"max_model_len\":null}}\n")
    let profile = try ProfileImport(folder: fixture.path).profile
    #expect(profile.sequences == 96)
    #expect(profile.stepTokens == 2048)
    #expect(try ProfileImport(folder: fixture.path, options: options { $0.sequences = 7 }).profile.sequences == 7)
    try fixture.write(file, "{\"engine_kwargs\":")
    #expect { try ProfileImport(folder: fixture.path) } throws: { "\($0)".contains(file) }
  }

  @Test func theWrittenProfileReadsBack() throws {
    for form in [IterationTimeModel.Form.linear, .roofline] {
      let profile = try ProfileImport(folder: KernelFolderFixture().path, options: options { $0.form = form }).profile
      #expect(try GPUProfile.decode(bytes: Array(profile.json.pretty().utf8)) == profile)
    }
  }

  @Test func optionsComeFirst() throws {
    let profile = try ProfileImport(
      folder: KernelFolderFixture().path,
      options: options {
        $0.name = "mine"
        $0.model = "Qwen/Qwen3-32B"
        $0.layers = 60
        $0.kvTokens = 5000
        $0.stepTokens = 512
        $0.sequences = 7
        $0.length = 900
        $0.overheadUs = 77
      }
    ).profile
    #expect(profile.name == "mine")
    #expect(profile.modelID == "qwen3-32b")
    #expect(profile.kvBytesPerToken == 2 * 60 * 8 * 128 * 2)
    #expect(profile.kvCapacityTokens == 5000)
    #expect([profile.stepTokens, profile.sequences, profile.length] == [512, 7, 900])
    #expect(profile.time.overheadUs == 77)
  }

  @Test func withoutMetaTheFoldersNamesSpeak() throws {
    let fixture = try KernelFolderFixture(folder: "H100/qwen3-32b-bf16-tp2")
    try fixture.remove("meta.yaml")
    try fixture.remove("per_sequence.csv")
    try fixture.compress("attention.csv")
    let imported = try ProfileImport(folder: fixture.path + "/")
    #expect(imported.profile.gpu == "H100")
    #expect(imported.profile.modelID == "qwen3-32b")
    #expect(imported.profile.tensorParallel == 2)
    #expect(imported.notes.contains { $0.contains("all-reduce") })
    #expect(imported.notes.contains { $0.contains("per_sequence.csv") })
    #expect(imported.table.contains("held-out"))
  }

  @Test func theFolderAboveHasMetaAndTensorParallelFolders() throws {
    let one = try KernelFolderFixture(folder: "L40S/mistralai/Mistral-7B-v0.3/bf16/tp1")
    try one.remove("meta.yaml")
    let above = String(one.path.dropLast("/tp1".count))
    let profile = try ProfileImport(folder: above).profile
    #expect(profile.name == "l40s-mistral-7b")
    #expect(profile.tensorParallel == 1)
  }

  @Test func aModelsConfigurationGivesItsShape() throws {
    let fixture = try KernelFolderFixture(folder: "H100/unheard-of-tp1")
    try fixture.remove("meta.yaml")
    try fixture.write(
      "config.json",
      """
      {"num_hidden_layers": 32, "hidden_size": 4096, "intermediate_size": 14336, "num_attention_heads": 32,
       "num_key_value_heads": 8, "vocab_size": 128256, "max_position_embeddings": 8192, "rope_theta": 500000.0}
      """)
    let profile = try ProfileImport(
      folder: fixture.path, options: options { $0.modelConfig = fixture.path + "/config.json" }
    ).profile
    #expect(profile.parameters == 8_030_261_248)
    #expect(profile.kvBytesPerToken == 131_072)
    #expect(profile.length == 8192)
  }

  // MARK: - What is refused

  private func refusal(
    of fixture: KernelFolderFixture, _ options: ProfileImportOptions = ProfileImportOptions()
  ) -> String {
    do throws(ProfileImportError) {
      _ = try ProfileImport(folder: fixture.path, options: options)
      return "nothing was refused"
    } catch { return error.description }
  }

  @Test(arguments: [
    ("attention.csv", "0,0,1,16,", "0,0,1,16,-", "attention.csv: line 2: time_us is \"-"),
    ("attention.csv", "0,0,1,64,", "0,0,x,64,", "line 3: n_decode is \"x\"; expected an integer"),
    ("attention.csv", "0,0,1,64,", "0,0,0,64,", "line 3: prefill_chunk and n_decode are both 0"),
    ("attention.csv", "kv_prefill,", "kv,", "line 1: no column kv_prefill"),
    ("dense.csv", "qkv_proj,16,", "qkv_proj,16,4,", "line 13: 4 fields; expected 3"),
    ("dense.csv", "down_proj", "down", "expected one of act_fn, down_proj"),
    ("dense.csv", "rotary_emb,16,3.0", "rotary_emb,16,nan", "time_us is \"nan\"; expected a time above 0"),
    ("per_sequence.csv", "sampler", "sampling", "line 4: layer \"sampling\""),
  ])
  func brokenLinesAreNamed(_ file: String, _ old: String, _ new: String, _ expected: String) throws {
    let fixture = try KernelFolderFixture()
    try fixture.write(file, try fixture.text(file).replacing(old, with: new, maxReplacements: 1))
    let message = refusal(of: fixture)
    #expect(message.contains(expected), "\(message)")
    #expect(message.contains(file), "\(message)")
  }

  @Test func mixturesAndMissingFilesAreRefused() throws {
    let mixture = try KernelFolderFixture()
    try mixture.write("moe.csv", "a\n1\n")
    #expect(refusal(of: mixture).contains("moe.csv: mixtures of experts"))
    let missing = try KernelFolderFixture()
    try missing.remove("dense.csv")
    #expect(refusal(of: missing).contains("no dense.csv"))
    let empty = try KernelFolderFixture()
    try empty.write("attention.csv", "prefill_chunk,kv_prefill,n_decode,kv_decode,time_us\n")
    #expect(refusal(of: empty).contains("no rows"))
    let partial = try KernelFolderFixture()
    try partial.write("dense.csv", "layer,tokens,time_us\nqkv_proj,1,2\n")
    #expect(refusal(of: partial).contains("no layer o_proj, gate_up_proj, down_proj"))
    #expect(throws: ProfileImportError.self) { try ProfileImport(folder: "/no/such/folder") }
  }

  @Test func whatIsNotKnownIsAskedFor() throws {
    let fixture = try KernelFolderFixture(folder: "Zeta9/unheard-of-tp1")
    try fixture.remove("meta.yaml")
    #expect(refusal(of: fixture).contains("--layers"))
    #expect(refusal(of: fixture, options { $0.model = "llama-3.1-8b" }).contains("--memory-gib"))
    #expect(
      refusal(
        of: fixture,
        options {
          $0.model = "llama-3.1-70b"
          $0.memoryGiB = 80
        }
      ).contains("leave no KV cache"))
    let small = refusal(
      of: fixture,
      options {
        $0.model = "llama-3.1-8b"
        $0.kvTokens = 16
      })
    #expect(small.contains("expected at least 6"), "\(small)")
  }

  @Test func theUnitIsChecked() throws {
    let json = try ProfileImport(folder: KernelFolderFixture().path).profile.json.text
    let error = #expect(throws: CallError.self) {
      try GPUProfile.decode(bytes: Array(json.replacing(#""unit":"ms""#, with: #""unit":"us""#).utf8))
    }
    #expect(error?.message.contains("/iteration_time/unit") == true)
  }

  // MARK: - Measured kernels

  /// As good as fits of the same kernels made apart from this code, on the same samples (fit_llmservingsim.json).
  @Test(
    .enabled(if: access(TraceData.kernels, R_OK) == 0),
    arguments: [("llama-3.1-8b-bf16-tp1", 500_000), ("qwen3-32b-bf16-tp1", 80_000)])
  func fitsAreAsGoodAsThoseMadeApart(folder: String, kvTokens: Int) throws {
    let imported = try ProfileImport(
      folder: TraceData.kernels + folder, options: options { $0.kvTokens = kvTokens })
    let composer = IterationComposer(
      kernels: try KernelFolder(TraceData.kernels + folder), layers: kvTokens == 500_000 ? 32 : 64,
      kvCapacityTokens: kvTokens)
    let name = "RTXPRO6000/" + folder
    let fits = try JSONValue(parsing: try TraceData.bytes(TraceData.shared + "/profiles/fit_llmservingsim.json"))
    let theirs = try #require(fits.arrayValue?.first { $0["name"]?.stringValue == name })
    for (regime, hasPrefill, ours) in [
      ("decode_only", false, imported.profile.time.decodeOnly),
      ("with_prefill", true, imported.profile.time.withPrefill),
    ] {
      let samples = composer.samples().filter { ($0.prefillTokens > 0) == hasPrefill }
      let k = try #require(theirs["regimes"]?[regime]?["roofline"]?["coef"])
      func value(_ name: String) -> Double { k[name]?.doubleValue ?? 0 }
      let other = IterationTimeModel.Coefficients(
        a: value("a"), b0: value("b0"), b: value("b"), c: value("c"), g: value("g"), d: value("d"), e: value("e"),
        f: value("f"))
      let (mine, reference) = (FitError(ours, .roofline, samples), FitError(other, .roofline, samples))
      #expect(mine.mean <= reference.mean * 1.05, "\(name) \(regime): \(mine) against \(reference)")
      #expect(mine.p95 <= reference.p95 * 1.05, "\(name) \(regime): \(mine) against \(reference)")
    }
  }

  @Test(.enabled(if: access(TraceData.kernels, R_OK) == 0))
  func twoGPUsAreImported() throws {
    let imported = try ProfileImport(folder: TraceData.kernels + "qwen3-32b-bf16-tp2")
    #expect(imported.profile.tensorParallel == 2)
    #expect(imported.withPrefill.rooflineError.p50 < 0.04)
    #expect(imported.decodeOnly.rooflineError.p50 < 0.02)
  }
}
