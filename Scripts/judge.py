#!/usr/bin/env python3
"""Judges schemas, examples and messages with python3-jsonschema, which shares no line with our own code.

    judge.py schemas            every schema, its references and its examples; presets and profiles;
                                Tests/cases/invalid.ndjson
    judge.py messages PATH...   NDJSON files, or folders of them, of messages that were really sent:
                                {"schema": "step-v1", "direction": "request", "message": {...}}
    judge.py verdicts           the same lines on stdin; answers true or false for each on stdout

Exit codes: 0 all valid, 1 not, 69 jsonschema is missing.
"""

import json
import sys
import warnings
from pathlib import Path

try:
    from jsonschema import Draft202012Validator
except ImportError:
    print("judge: python3-jsonschema is missing: apt-get install python3-jsonschema", file=sys.stderr)
    sys.exit(69)

ROOT = Path(__file__).resolve().parent.parent
INVALID_CASES = ROOT / "Tests/cases/invalid.ndjson"
ID_PREFIX = "urn:coxswain:schema:"
OWN_KEYWORDS = {"x-unit", "x-reload"}
ERRORS_SHOWN = 20
# Files that come with the executable, and their schemas.
SHIPPED = {"Policies": "policy-v1", "Profiles": "profile-v1"}


def load_schemas():
    paths = sorted((ROOT / "Schemas").glob("*.json"))
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in paths}


def identifier(name):
    """step-v1 -> urn:coxswain:schema:step:v1"""
    stem, version = name.rsplit("-", 1)
    return f"{ID_PREFIX}{stem}:{version}"


def make_validators(schemas):
    """One validator for each schema; references between them are looked up by $id."""
    try:
        from referencing import Registry, Resource

        resources = [(schema["$id"], Resource.from_contents(schema)) for schema in schemas.values()]
        registry = Registry().with_resources(resources)
        return {name: Draft202012Validator(schema, registry=registry) for name, schema in schemas.items()}
    except ImportError:  # jsonschema before 4.18, as in Debian 12
        from jsonschema import RefResolver

        schemas = {name: absolute(schema, schema["$id"]) for name, schema in schemas.items()}
        store = {schema["$id"]: schema for schema in schemas.values()}
        return {
            name: Draft202012Validator(schema, resolver=RefResolver.from_schema(schema, store=store))
            for name, schema in schemas.items()
        }


def absolute(value, base):
    """The same schema with every local $ref spelled out: that library can not join a URN and a fragment."""
    if isinstance(value, dict):
        local = isinstance(value.get("$ref"), str) and value["$ref"].startswith("#")
        copy = {key: absolute(child, base) for key, child in value.items()}
        return {**copy, "$ref": base + value["$ref"]} if local else copy
    return [absolute(child, base) for child in value] if isinstance(value, list) else value


def subschemas(schema, pointer=""):
    """Every schema below one, itself included."""
    yield pointer, schema
    if not isinstance(schema, dict):
        return
    for keyword in ("properties", "$defs"):
        for name, child in schema.get(keyword, {}).items():
            yield from subschemas(child, f"{pointer}/{keyword}/{name}")
    for keyword in ("allOf", "anyOf", "oneOf", "prefixItems"):
        for i, child in enumerate(schema.get(keyword, [])):
            yield from subschemas(child, f"{pointer}/{keyword}/{i}")
    for keyword in ("items", "not", "if", "then", "propertyNames", "additionalProperties"):
        if isinstance(schema.get(keyword), dict):
            yield from subschemas(schema[keyword], f"{pointer}/{keyword}")


def lookup(schemas, base, reference):
    """The schema that a $ref names; KeyError or IndexError when there is none."""
    document, _, pointer = reference.partition("#")
    target = next(s for s in schemas.values() if s["$id"] == document) if document else base
    for step in pointer.split("/")[1:]:
        target = target[int(step)] if isinstance(target, list) else target[step]
    return target


def schema_faults(schemas, name):
    """What the metaschema does not ask for: identity, descriptions, defaults and references that hold."""
    schema = schemas[name]
    if schema.get("$id") != identifier(name):
        yield f"$id is {schema.get('$id')}, expected {identifier(name)}"
    for keyword in ("title", "description", "examples"):
        if not schema.get(keyword):
            yield f"no {keyword}"
    for pointer, child in subschemas(schema):
        if not isinstance(child, dict):
            continue
        for keyword in child:
            known = keyword in OWN_KEYWORDS or keyword.startswith("$") or keyword in Draft202012Validator.VALIDATORS
            if not known and keyword not in ANNOTATIONS:
                yield f"{pointer}: unknown keyword {keyword}"
        if pointer.rsplit("/", 2)[-2:-1] == ["properties"] and "description" not in child and "$ref" not in child:
            if not is_condition(pointer):
                yield f"{pointer}: no description"
        if "$ref" in child:
            try:
                lookup(schemas, schema, child["$ref"])
            except (KeyError, IndexError, StopIteration, ValueError):
                yield f"{pointer}: {child['$ref']} leads nowhere"


ANNOTATIONS = {"title", "description", "default", "examples", "then", "else"}


def is_condition(pointer):
    return any(part in pointer.split("/") for part in ("if", "then", "not"))


def judge_schemas(schemas, validators):
    faults = []
    examples = 0
    for name, schema in schemas.items():
        try:
            Draft202012Validator.check_schema(schema)
        except Exception as error:  # SchemaError, or what a malformed schema makes the validator raise
            faults.append(f"{name}: {str(error).splitlines()[0]}")
            continue
        faults += [f"{name}: {fault}" for fault in schema_faults(schemas, name)]
        for i, example in enumerate(schema.get("examples", [])):
            examples += 1
            faults += [f"{name}: examples/{i}: {text}" for text in errors_of(validators[name], example)]
        for pointer, child in subschemas(validators[name].schema):
            if isinstance(child, dict) and "default" in child:
                part = validators[name].evolve(schema=child)
                faults += [f"{name}: {pointer}/default: {text}" for text in errors_of(part, child["default"])]
    files = 0
    for folder, name in SHIPPED.items():
        for path in sorted((ROOT / folder).glob("*.json")):
            files += 1
            content = json.loads(path.read_text(encoding="utf-8"))
            faults += [f"{folder}/{path.name}: {text}" for text in errors_of(validators[name], content)]
    rejected = 0
    for number, line in enumerate(INVALID_CASES.read_text(encoding="utf-8").splitlines(), 1):
        case = json.loads(line)
        if validators[case["schema"]].is_valid(case["message"]):
            faults.append(f"{INVALID_CASES.name}:{number}: {case['schema']} accepts what is {case['why']}")
        rejected += 1
    return faults, f"{len(schemas)} schemas, {examples} examples, {files} files, {rejected} invalid messages"


def errors_of(validator, message):
    for error in validator.iter_errors(message):
        pointer = "".join(f"/{part}" for part in error.absolute_path)
        yield f"{pointer or 'the message'}: {error.message[:200]}"


def ndjson_files(paths):
    for path in map(Path, paths):
        yield from sorted(path.rglob("*.ndjson")) if path.is_dir() else [path]


def judge_messages(validators, paths):
    faults, counts = [], {}
    for path in ndjson_files(paths):
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                entry = json.loads(line)
                name = entry["schema"]
                counts[name] = counts.get(name, 0) + 1
                if name not in validators:
                    faults.append(f"{path.name}:{number}: no schema {name}")
                    continue
                texts = errors_of(validators[name], entry["message"])
                faults += [f"{path.name}:{number}: {name} {entry['direction']}: {text}" for text in texts]
    total = ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
    if not counts:
        faults.append(f"no message in {', '.join(paths)}")
    return faults, total


def print_verdicts(validators):
    for line in sys.stdin:
        entry = json.loads(line)
        print("true" if validators[entry["schema"]].is_valid(entry["message"]) else "false")


def main(arguments):
    warnings.simplefilter("ignore", DeprecationWarning)
    schemas = load_schemas()
    validators = make_validators(schemas)
    if arguments == ["verdicts"]:
        print_verdicts(validators)
        return 0
    if arguments == ["schemas"]:
        faults, summary = judge_schemas(schemas, validators)
    elif len(arguments) > 1 and arguments[0] == "messages":
        faults, summary = judge_messages(validators, arguments[1:])
    else:
        print(__doc__, file=sys.stderr)
        return 64
    for fault in faults[:ERRORS_SHOWN]:
        print(fault, file=sys.stderr)
    if len(faults) > ERRORS_SHOWN:
        print(f"and {len(faults) - ERRORS_SHOWN} more", file=sys.stderr)
    print(f"judge: {summary}: {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
