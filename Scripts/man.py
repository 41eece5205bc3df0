"""Man pages of the executable, made from what its parser says of itself.

    man.py EXECUTABLE FOLDER [--date YYYY-MM-DD]

One page for each command: coxswain.1, coxswain-serve.1, coxswain-policy-apply.1 and so on. The text is that of
--help; nothing is written here that the executable does not say.
"""

import argparse
import json
import pathlib
import re
import subprocess

SECTION = 1
DUMP_VERSION = 0
DUMP_TIMEOUT_S = 30
HEADING = re.compile(r"^[A-Z][A-Z ]+$")
# Two spaces or more between an example and what is said about it.
REMARK = re.compile(r"^(?P<command>\S.*?\S) {3,}(?P<remark>[^'\"|]*\S)$")


def escape(text):
    """Text as roff shows it: no escapes, no requests at the start of a line, hyphens that can be copied."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("`", "\\(ga")
    text = text.replace("^", "\\(ha").replace("~", "\\(ti")
    return "\n".join("\\&" + line if line.startswith(".") else line for line in text.split("\n"))


def option_name(name):
    return ("-" if name["kind"] == "short" else "--") + name["name"]


def term(argument):
    """How an argument is written, its names or its value's name."""
    value = f"\\fI{escape(argument['valueName'])}\\fR"
    if argument["kind"] == "positional":
        return value
    names = sorted(argument["names"], key=lambda name: name["kind"] != "short")
    text = ", ".join(f"\\fB{escape(option_name(name))}\\fR" for name in names)
    return f"{text} {value}" if argument["kind"] == "option" else text


def synopsis_part(argument):
    if argument["kind"] == "positional":
        text = f"\\fI{escape(argument['valueName'])}\\fR"
    else:
        text = f"\\fB{escape(option_name(argument['preferredName']))}\\fR"
        if argument["kind"] == "option":
            text += f" \\fI{escape(argument['valueName'])}\\fR"
    text += " ..." if argument["isRepeating"] else ""
    return f"[{text}]" if argument["isOptional"] else text


def describe(argument):
    sentence = argument.get("abstract", "")
    values = argument.get("allValues")
    notes = [f"One of {', '.join(values)}."] if values else []
    if argument.get("defaultValue") not in (None, ""):
        notes.append(f"Default: {argument['defaultValue']}.")
    if argument["isRepeating"]:
        notes.append("May be given several times.")
    return " ".join(filter(None, [sentence, *notes]))


def blocks(discussion):
    """(heading or None, lines) of a discussion; the part before the first heading is the description."""
    parts = [(None, [])]
    for line in discussion.split("\n"):
        if HEADING.match(line):
            parts.append((line, []))
        else:
            parts[-1][1].append(line)
    return parts


def prose(lines):
    paragraphs = "\n".join(lines).strip().split("\n\n")
    return [piece for paragraph in paragraphs if paragraph for piece in (".PP", escape(paragraph))]


def examples(lines):
    """Each example on a line of its own that can be copied, with its remark below it."""
    out = []
    for line in filter(None, (line.strip() for line in lines)):
        match = REMARK.match(line)
        command, remark = (match["command"], match["remark"]) if match else (line, None)
        out += [".PP", ".EX", escape(command), ".EE"]
        if remark:
            out += [".RS 4", escape(remark[0].upper() + remark[1:] + ("" if remark[-1] in ".?" else ".")), ".RE"]
    return out


def section(heading, lines):
    if heading == "EXAMPLES":
        return [".SH EXAMPLES", *examples(lines)]
    text = " ".join(line.strip() for line in lines if line.strip())
    if heading == "EXIT CODES":
        statuses = re.findall(r"(\d+) ([^,]+)", text)
        return [".SH EXIT STATUS"] + [
            piece for code, meaning in statuses for piece in (".TP", f".B {code}", escape(meaning))]
    return [f".SH {heading}", *prose(lines)]


def page(command, path, root, date, version):
    """Lines of one page. `path` is the command's words, coxswain first."""
    name = "-".join(path)
    arguments = [argument for argument in command.get("arguments", []) if argument["shouldDisplay"]]
    children = [child for child in command.get("subcommands", []) if child["shouldDisplay"]]
    parts = blocks(command.get("discussion") or "")
    described = prose(parts[0][1])
    out = [
        f".TH {name.upper()} {SECTION} {date} \"coxswain {version}\" \"Coxswain manual\"",
        ".nh", ".ad l",
        ".SH NAME", f"{escape(name)} \\- {escape(command['abstract'].rstrip('.'))}",
        ".SH SYNOPSIS", f".B {' '.join(map(escape, path))}",
    ]
    out += [synopsis_part(argument) for argument in arguments]
    out += ["\\fIcommand\\fR"] if children else []
    out += [".SH DESCRIPTION", *(described or [".PP", escape(command["abstract"])])]
    if children:
        out.append(".SH COMMANDS")
        for child in children:
            out += [".TP", f".BR {escape('-'.join([*path, child['commandName']]))} (1)", escape(child["abstract"])]
    for kind, heading in (("positional", "ARGUMENTS"), ("option", "OPTIONS")):
        chosen = [argument for argument in arguments if (argument["kind"] == "positional") == (kind == "positional")]
        out += [f".SH {heading}"] if chosen else []
        for argument in chosen:
            out += [".TP", term(argument), escape(describe(argument)) or "\\&"]
    for heading, lines in parts[1:]:
        out += section(heading, lines)
    return out + see_also(path, command, root)


def see_also(path, command, root):
    """The command above, and the commands that examples name."""
    text = command.get("discussion") or ""
    known = {child["commandName"]: child for child in root["subcommands"]}
    names = ["-".join(path[:end]) for end in range(1, len(path))]
    for word in re.findall(r"coxswain ([a-z]+(?: [a-z-]+)?)", text):
        first, _, second = word.partition(" ")
        below = {child["commandName"] for child in known.get(first, {}).get("subcommands", [])}
        name = "-".join(["coxswain", first, second] if second in below else ["coxswain", first])
        if first in known and name not in names and name != "-".join(path):
            names.append(name)
    if not names:
        return []
    references = [f".BR {escape(name)} (1)" + ("," if name != names[-1] else "") for name in names]
    return [".SH SEE ALSO", *references]


def pages(command, path, root, date, version):
    """Every page below `command` as (file name, text)."""
    lines = page(command, path, root, date, version)
    # A section's title begins a paragraph by itself.
    kept = [line for before, line in zip(["", *lines], lines) if not (line == ".PP" and before.startswith(".SH"))]
    yield f"{'-'.join(path)}.{SECTION}", "\n".join(kept) + "\n"
    for child in command.get("subcommands", []):
        if child["shouldDisplay"]:
            yield from pages(child, [*path, child["commandName"]], root, date, version)


def ask(executable, *words):
    return subprocess.run(
        [executable, *words], check=True, capture_output=True, text=True, timeout=DUMP_TIMEOUT_S).stdout


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("executable")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--date", required=True, help="of the pages, YYYY-MM-DD")
    options = parser.parse_args()
    dump = json.loads(ask(options.executable, "--experimental-dump-help"))
    if dump["serializationVersion"] != DUMP_VERSION:
        raise SystemExit(f"the parser's dump has version {dump['serializationVersion']}; expected {DUMP_VERSION}")
    version = json.loads(ask(options.executable, "version", "-o", "json"))["version"]
    root = dump["command"]
    # `help` says what the pages say.
    root["subcommands"] = [child for child in root["subcommands"] if child["commandName"] != "help"]
    options.folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages(root, [root["commandName"]], root, options.date, version):
        (options.folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
