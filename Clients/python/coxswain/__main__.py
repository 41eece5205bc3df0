"""python3 -m coxswain: send one call by hand, or print a message to start with."""

import argparse
import json
import os
import sys

from . import examples
from .client import Client, ConnectionLost, DeadlinePassed, StatusError
from .paths import admin_socket, engine_socket

EXIT_FAILED, EXIT_USAGE, EXIT_UNREACHABLE, EXIT_RETRY, EXIT_DENIED = 1, 64, 69, 75, 77
ADMIN_SERVICES = ("Admin", "Policy", "Resources")
DEFAULT_TIMEOUT_US = 2_000_000


def full_method(name):
    """`Plan` -> `coxswain.v1.Scheduler/Plan`; `Admin/Status` -> `coxswain.v1.Admin/Status`."""
    if "/" not in name:
        name = f"Scheduler/{name}"
    service = name.split("/")[0]
    return name if "." in service else f"coxswain.v1.{name}"


def socket_path(option, method, directory):
    if option is None:
        service = method.split("/")[0].rsplit(".", 1)[-1]
        option = "admin" if service in ADMIN_SERVICES else "engine"
    if option == "engine":
        return engine_socket(directory)
    if option == "admin":
        return admin_socket(directory)
    return option


def read_message(option):
    if option is None:
        return {}
    if option == "-":
        return json.load(sys.stdin)
    if option.startswith("@"):
        with open(option[1:], encoding="utf-8") as file:
            return json.load(file)
    return json.loads(option)


def print_json(value, one_line=False):
    print(json.dumps(value, indent=None if one_line else 2, ensure_ascii=False), flush=True)


def call(arguments):
    try:
        message = read_message(arguments.message)
    except (ValueError, OSError) as error:
        print(f"--message: {error}", file=sys.stderr)
        return EXIT_USAGE
    method = full_method(arguments.method)
    path = socket_path(arguments.socket, method, arguments.runtime_dir)
    try:
        with Client(path) as client:
            if arguments.stream:
                for item in client.stream(method, message):
                    print_json(item, one_line=True)
            else:
                print_json(client.call(method, message, arguments.timeout_us))
        return 0
    except StatusError as error:
        print_json({"code": error.code, "message": error.message, "details": error.details})
        return {"PERMISSION_DENIED": EXIT_DENIED, "UNAVAILABLE": EXIT_RETRY}.get(error.code, EXIT_FAILED)
    except (ConnectionLost, DeadlinePassed) as error:
        print(error, file=sys.stderr)
        return EXIT_UNREACHABLE


def example(arguments):
    print_json({"plan": examples.plan, "register": examples.register}[arguments.name]())
    return 0


def build_parser():
    parser = argparse.ArgumentParser(prog="python3 -m coxswain", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("call", help="send one call and print the reply's message")
    one.add_argument("method", help="Plan, Admin/Status, grpc.health.v1.Health/Check, ...")
    one.add_argument("--socket", help="engine, admin or a path; default: by the method")
    one.add_argument("--runtime-dir", help="directory of the sockets; default: $COXSWAIN_RUNTIME_DIR or /run/coxswain")
    one.add_argument("--message", help="JSON text, @FILE, or - for standard input; default: {}")
    one.add_argument("--timeout-us", type=int, default=DEFAULT_TIMEOUT_US)
    one.add_argument("--stream", action="store_true", help="print every item of a streamed call, one per line")
    one.set_defaults(run=call)
    shown = commands.add_parser("example", help="print a ready message")
    shown.add_argument("name", choices=("plan", "register"))
    shown.set_defaults(run=example)
    return parser


def main(argv=None):
    arguments = build_parser().parse_args(argv)
    try:
        return arguments.run(arguments)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


if __name__ == "__main__":
    sys.exit(main())
