"""Runs ansible-playbook again and again, without importing Ansible each time.

    python server.py SOCKET

Each run is a fork of this process, which has imported Ansible, boto3 and the collection's plugins
and done nothing else: a process of its own, with its caller's environment, folder and open files.
It ends when its standard input does.
"""

from __future__ import annotations

import array
import atexit
import contextlib
import importlib
import json
import os
import pkgutil
import selectors
import signal
import socket
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

# The plugins whose imports take long.
_PLUGINS = "ansible_collections.quayside.fargate.plugins"
_IMPORTED = (
    *("ansible.cli.playbook", "ansible.executor.task_executor", "ansible.plugins.strategy.linear"),
    *("ansible.plugins.callback", "ansible.template", "ansible.executor.module_common"),
    *("boto3", "botocore.session", "botocore.signers", "botocore.handlers", "concurrent.futures"),
)


def prepare() -> None:
    """Import what every run needs; what is told on the way is nobody's."""
    for name in _IMPORTED:
        importlib.import_module(name)
    from ansible.plugins import loader

    loader.init_plugin_loader()
    warnings.filterwarnings("ignore", "AnsibleCollectionFinder has already been configured")
    importlib.import_module("ansible_collections.ansible.builtin")  # reads 200 kB of YAML
    for plugins in (loader.connection_loader, loader.shell_loader, loader.become_loader):
        list(plugins.all(class_only=True))  # as each run does first
    for kind in ("plugin_utils", "action", "callback", "filter", "lookup"):
        with contextlib.suppress(ModuleNotFoundError):
            package = importlib.import_module(f"{_PLUGINS}.{kind}")
            for module in pkgutil.iter_modules(package.__path__):
                importlib.import_module(f"{package.__name__}.{module.name}")


def run(request: dict[str, Any], files: list[int]) -> None:
    """Become the run that is asked for.

    Raises:
        SystemExit: at its end.
    """
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    with contextlib.suppress(OSError):  # signals go to the caller's group
        os.setpgid(0, request["group"])
    sys.argv = ["ansible-playbook", *request["arguments"]]
    _own_folder()
    from ansible.cli.playbook import PlaybookCLI

    PlaybookCLI.cli_executor(sys.argv)


def _own_folder() -> None:
    """Ansible makes its temporary folder when it is imported, and deletes it in the end."""
    from ansible import constants
    from ansible.config.manager import cleanup_tmp_file

    atexit._clear()
    above = Path(constants.DEFAULT_LOCAL_TMP).parent
    above.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = tempfile.mkdtemp(prefix=f"ansible-local-{os.getpid()}", dir=above)
    constants.DEFAULT_LOCAL_TMP = folder
    atexit.register(cleanup_tmp_file, folder, warn=True)


class Server:
    """Takes requests at a socket, and forks a run for each."""

    def __init__(self, path: str) -> None:
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(path)
        self._listener.listen(64)
        self._selector = selectors.DefaultSelector()
        self._runs: dict[int, socket.socket] = {}
        self._woken, waking = socket.socketpair()
        for end in (self._woken, waking):
            end.setblocking(False)
        self._waking = waking

    def serve(self) -> None:
        """Serve until standard input ends; what runs then ends too, as nobody waits for it."""
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._waking.fileno())
        for source in (self._listener, self._woken, sys.stdin):
            self._selector.register(source, selectors.EVENT_READ)
        print("ready", flush=True)
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is sys.stdin:
                    for caller in self._runs.values():
                        self._abandon(caller)
                    return
                if key.fileobj is self._listener:
                    self._begin()
                elif key.fileobj is self._woken:
                    self._woken.recv(4096)
                    self._reap()
                else:
                    self._abandon(key.fileobj)

    def _begin(self) -> None:
        caller, _ = self._listener.accept()
        size = array.array("i").itemsize
        data, ancillary, _, _ = caller.recvmsg(1 << 20, socket.CMSG_SPACE(3 * size))
        files = array.array("i")
        for _, _, content in ancillary:
            files.frombytes(content[: len(content) - len(content) % size])
        while not data.endswith(b"\0"):
            data += caller.recv(1 << 20)
        process = os.fork()
        if process == 0:
            self._leave()
            run(json.loads(data[:-1]), list(files))
        for file in files:
            os.close(file)
        self._runs[process] = caller
        self._selector.register(caller, selectors.EVENT_READ)

    def _leave(self) -> None:
        """In the fork: keep nothing of the server's."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self._selector.close()
        for it in (self._listener, self._woken, self._waking, *self._runs.values()):
            it.close()

    def _reap(self) -> None:
        while self._runs:
            process, status = os.waitpid(-1, os.WNOHANG)
            if not process:
                return
            caller = self._runs.pop(process)
            self._selector.unregister(caller)
            with contextlib.suppress(OSError), caller:
                caller.sendall(str(os.waitstatus_to_exitcode(status)).encode())

    def _abandon(self, caller: Any) -> None:
        """The caller was killed: so is its run."""
        for process, of in self._runs.items():
            if of is caller:
                os.kill(process, signal.SIGKILL)


if __name__ == "__main__":
    sys.path[0] = str(Path(sys.executable).parent)  # as the program has it
    prepare()
    Server(sys.argv[1]).serve()
