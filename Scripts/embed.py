#!/usr/bin/env python3
"""Writes Sources/EmbeddedFiles/embedded_files.c: the table of files that are compiled in. Run by `make embed`."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("Policies", "Profiles", "Schemas")
HEAD = """#include "embedded_files.h"

// Every file of Policies/, Profiles/ and Schemas/, in order of path. Written by Scripts/embed.py; a test compares the
// table with the folders.

"""

TAIL = """};

size_t embedded_file_count(void) { return sizeof(files) / sizeof(files[0]); }

struct embedded_file embedded_file_at(size_t index) { return files[index]; }
"""


def symbol(path):
    return "file_" + "".join(c if c.isalnum() else "_" for c in path.removesuffix(".json")).lower()


def table():
    files = (path for folder in FOLDERS for path in (ROOT / folder).glob("*.json"))
    paths = [str(path.relative_to(ROOT)) for path in sorted(files, key=lambda path: (path.parent, path.stem))]
    text = HEAD
    for path in paths:
        text += f'static const unsigned char {symbol(path)}[] = {{\n#embed "../../{path}"\n}};\n'
    text += "\nstatic const struct embedded_file files[] = {\n"
    for path in paths:
        text += f'    {{"{path}", {symbol(path)},\n     sizeof({symbol(path)})}},\n'
    return text + TAIL


if __name__ == "__main__":
    (ROOT / "Sources/EmbeddedFiles/embedded_files.c").write_text(table())
