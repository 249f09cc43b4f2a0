"""The process that the programs of this tree are forked from, with all of them imported: `python -m` this module.

Its input is a socket. A request is a JSON object `{program, words, env, cwd}` with three files: for the exit code, the
output and the error output. The answer is the pid.
"""

import ctypes
import gc
import importlib
import json
import os
import runpy
import signal
import socket
import sys
from contextlib import suppress
from typing import Any

PROGRAMS = ("services.gateway", "services.history", "services.projector", "services.llm", "services.ops")
LATER = ("uvicorn.protocols.http.httptools_impl", "uvicorn.lifespan.off")  # imported when a service begins to serve
REQUEST_BYTES = 128 * 1024
_PR_SET_PDEATHSIG = 1  # Source: prctl(2)


def main() -> None:
    """Forks until nobody can ask any more; a forked program goes on here as itself."""
    for program in PROGRAMS:
        importlib.import_module(f"{program}.__main__")
        del sys.modules[f"{program}.__main__"]
    for name in LATER:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()
    with socket.socket(fileno=os.dup(0)) as requests:
        asked = _serve(requests)
    if asked is not None:
        runpy.run_module(_become(*asked), run_name="__main__", alter_sys=True)


def _serve(requests: socket.socket) -> tuple[dict[str, Any], int, int] | None:
    exit_codes: dict[int, int] = {}

    def report(*_: object) -> None:
        with suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                file = exit_codes.pop(ended[0])
                with suppress(BrokenPipeError):  # nobody wants to know
                    os.write(file, b"%d" % os.waitstatus_to_exitcode(ended[1]))
                os.close(file)

    signal.signal(signal.SIGCHLD, report)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it ends when the tests do
    while True:
        body, files, *_ = socket.recv_fds(requests, REQUEST_BYTES, 3)
        if not body:
            return None
        exit_code, output, error_output = files
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
        if (pid := os.fork()) == 0:
            for file in (exit_code, *exit_codes.values()):
                os.close(file)
            return json.loads(body), output, error_output
        exit_codes[pid] = exit_code
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
        os.close(output)
        os.close(error_output)
        requests.send(b"%d" % pid)


def _become(request: dict[str, Any], output: int, error_output: int) -> str:
    """This process is as if started with these; the program's name."""
    os.setsid()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, file in enumerate((nothing, output, error_output)):
        os.dup2(file, number)
        os.close(file)
    os.environ.clear()
    os.environ.update(request["env"])
    os.chdir(request["cwd"])
    sys.argv = [request["program"], *request["words"]]
    return str(request["program"])


if __name__ == "__main__":
    main()
