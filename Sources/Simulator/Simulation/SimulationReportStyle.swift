/// How the report's page looks, in light and dark, on a desk and on a phone.
enum SimulationReportStyle {
  static let css = """
    :root{--bg:#fff;--fg:#1b1f24;--dim:#667080;--line:#dfe3e8;--c0:#0b62c4;--c1:#d9700f;--c2:#2c8a3d;--c3:#9b3fb0;
    --c4:#8a7a00;--c5:#0b8f8f;--c6:#b3261e;--c7:#5b6b8c;--c8:#7a4b2a;--c9:#3d7a00}
    @media(prefers-color-scheme:dark){:root{--bg:#14171c;--fg:#e8eaed;--dim:#9aa3af;--line:#333a44;--c0:#6cb1ff;
    --c1:#ff9a5c;--c2:#6fd383;--c3:#e08ad9;--c4:#d9c74a;--c5:#5ad6d6;--c6:#ff8a80;--c7:#a9b8d6;--c8:#d6a887;
    --c9:#a5d66f}}
    *{box-sizing:border-box}
    body{margin:0 auto;max-width:1200px;padding:16px;background:var(--bg);color:var(--fg);
    font:16px/1.5 system-ui,sans-serif;-webkit-text-size-adjust:100%}
    h1{font-size:1.35rem;margin:.2em 0;overflow-wrap:anywhere}
    h2{font-size:1.1rem;margin:1.6em 0 .3em;border-top:1px solid var(--line);padding-top:.7em}
    p{margin:.5em 0}.verdict{font-size:1.2rem}.note{color:var(--dim);font-size:.9rem}
    .bars{margin:1em 0}.bar{display:grid;grid-template-columns:minmax(5.5em,11em) 1fr minmax(6.5em,auto);gap:.6em;
    align-items:center;margin:.25em 0}.n{overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
    .v{background:var(--line);border-radius:3px;overflow:hidden;height:1.15em}.v i{display:block;height:100%}
    .w{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}.w small{color:var(--dim)}
    @media(max-width:600px){.bar{grid-template-columns:1fr auto;gap:0 .6em;margin:.5em 0}.v{grid-column:1/3;grid-row:2;
    height:.9em}}
    .scroll{overflow-x:auto}table{border-collapse:collapse;margin:.5em 0;font-size:.92rem;
    font-variant-numeric:tabular-nums}
    th,td{padding:.28em .7em;text-align:right;border-bottom:1px solid var(--line);white-space:nowrap}
    th:first-child,td:first-child{text-align:left;position:sticky;left:0;background:var(--bg)}
    td:first-child{color:var(--dim)}.c td:nth-child(2),.c th:nth-child(2){text-align:left}th{font-weight:600}
    .charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,340px),1fr));gap:18px}
    figure{margin:0;min-width:0}figcaption{font-weight:600;font-size:.95rem}svg{width:100%;height:auto;display:block}
    text{fill:var(--dim);font-size:12px}.e{text-anchor:end}.m{text-anchor:middle}.h{fill:var(--fg)}
    .g{stroke:var(--line)}.b{stroke:var(--fg);stroke-width:1.5;stroke-dasharray:3 3}
    .s{fill:none;stroke-width:2;stroke-linejoin:round}.legend{margin:0;font-size:.85rem;line-height:1.35}
    .k{margin-right:.9em;white-space:nowrap}
    .k::before{content:"";display:inline-block;width:1.1em;height:.25em;margin-right:.35em;vertical-align:middle;
    background:currentColor}.d::before{background:linear-gradient(90deg,currentColor 40%,#0000 40%,#0000 60%,
    currentColor 60%)}.fb{background:var(--fg)}
    \(colours)
    """

  /// Lines, areas, bars and legends of every series.
  private static let colours = (0..<HTMLText.colours).map { index in
    ".s\(index){stroke:var(--c\(index))}.f\(index){fill:var(--c\(index));background:var(--c\(index))}"
      + ".k\(index){color:var(--c\(index))}"
  }.joined(separator: "\n")
}
