"""Where the sidecar's sockets are."""

import os


def runtime_directory(option=None):
    """`option`, else $COXSWAIN_RUNTIME_DIR, else /run/coxswain, else $XDG_RUNTIME_DIR/coxswain."""
    if option:
        return option
    chosen = os.environ.get("COXSWAIN_RUNTIME_DIR")
    if chosen:
        return chosen
    xdg = os.environ.get("XDG_RUNTIME_DIR")
    if os.path.isdir("/run/coxswain") or not xdg:
        return "/run/coxswain"
    return os.path.join(xdg, "coxswain")


def engine_socket(directory=None):
    return os.path.join(runtime_directory(directory), "engine.sock")


def admin_socket(directory=None):
    return os.path.join(runtime_directory(directory), "admin.sock")
