#!/usr/bin/env python3
"""Set Comptoir up with nothing but Python, then show it or test it.

``python3 bootstrap.py demo`` serves a shop full of orders, ``test`` runs the tests, ``setup``
stops before either. The environment is ``.venv`` and holds what ``requirements.txt`` pins; each
run makes, mends or reuses it. Linux and macOS; only the standard library is used here.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

ROOT = Path(__file__).resolve().parent
REQUIREMENTS = ROOT / "requirements.txt"
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "comptoir-stamp"
UNFINISHED = "unfinished"

SUPPORTED_PYTHONS = [(3, 11), (3, 12), (3, 13)]
PDF_LIBRARIES = {
    "libpango-1.0.so.0": "libpango-1.0-0",
    "libpangoft2-1.0.so.0": "libpangoft2-1.0-0",
    "libharfbuzz-subset.so.0": "libharfbuzz-subset0",
}

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
HEALTHY_WITHIN = 60  # seconds
STOPPED_WITHIN = 20  # seconds, for the task the worker has in hand

WELCOME = """
Comptoir is open; Ctrl-C closes it.

  {address}/          the shops; password of all: comptoir-demo
    owner@demo.example             atelier-verveine: its owner,
    manager@demo.example           its manager,
    preparer@demo.example          who packs its parcels,
    accountant@demo.example        who reads its accounts
    owner@other.example            miel-et-cie: its owner
  {address}/admin/    the marketplace's staff
    admin@demo.example

  Mails are written to {mails}
"""

if TYPE_CHECKING:  # an older Python cannot read these, and is to be told so
    Command = list[str | Path]
    Processes = dict[str, subprocess.Popen[bytes]]


class SetupError(Exception):
    """What stands in the way, as a sentence to show."""


def main(arguments: list[str]) -> int:
    """Run the command that ``arguments`` name and return its exit code."""
    options = parse(arguments)
    interrupt_on_signals()
    try:
        refuse_unsupported_python(sys.version_info[:2])
        if options.command == "demo" and options.serve:
            refuse_taken_port(options.port)
        set_up()
        if options.command == "test":
            become_pytest(options.pytest)
        if options.command == "demo":
            return demo(options.orders, options.port, serve_it=options.serve)
    except (SetupError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    say("Comptoir is set up. To see it: python3 bootstrap.py demo. To test it: python3 bootstrap.py test.")
    return 0


def say(text: str) -> None:
    """Print ``text`` at once, before what a command started next may print."""
    print(text, flush=True)


def interrupt_on_signals() -> None:
    """Make SIGTERM and a closed terminal do what Ctrl-C does, and Ctrl-C work in the background too."""
    for number in SIGNALS:
        signal.signal(number, signal.default_int_handler)


def become_pytest(arguments: list[str]) -> NoReturn:
    """Hand this process over to pytest, and with it the exit code and every signal."""
    os.chdir(ROOT)
    os.execv(PYTHON, [str(PYTHON), "-m", "pytest", *arguments])


# What was asked


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the command line; everything after ``test`` is pytest's."""
    parser = argparse.ArgumentParser(prog="bootstrap.py", description="Set Comptoir up, show it or test it.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="demo|test|setup")
    demo_parser = commands.add_parser("demo", help="serve a shop full of orders")
    demo_parser.add_argument("--port", type=port_number, default=8000, help="default: 8000")
    demo_parser.add_argument("--orders", type=number_of_orders, help="default: what manage.py demo makes")
    demo_parser.add_argument("--no-serve", dest="serve", action="store_false", help="make the data and stop")
    commands.add_parser("test", help="run the tests; arguments go to pytest")
    commands.add_parser("setup", help="make the environment and stop")

    own, pytest = (arguments[:1], arguments[1:]) if arguments[:1] == ["test"] else (arguments, [])
    return parser.parse_args(own, argparse.Namespace(pytest=pytest))


def port_number(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text} is not a port; use a number from 1 to 65535.")
    return int(text)


def number_of_orders(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a number of orders; use 1 or more.")
    return int(text)


def refuse_unsupported_python(version: tuple[int, int]) -> None:
    if version not in SUPPORTED_PYTHONS:
        found = ".".join(map(str, version))
        raise SetupError(f"Comptoir needs Python 3.11, 3.12 or 3.13 and this is Python {found}.")


def refuse_taken_port(port: int) -> None:
    """Raise SetupError unless the demo can listen on ``port``."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except PermissionError:
            raise SetupError(f"Port {port} is for root; choose one above 1023 by --port.") from None
        except OSError:
            raise SetupError(f"Port {port} is in use; choose another by --port.") from None


# The environment


def set_up() -> None:
    """Bring ``.venv`` and the system's libraries to where the product runs."""
    with one_at_a_time():
        if not environment_works():
            make_environment()
        if read_stamp() != stamp(REQUIREMENTS.read_bytes(), sys.version_info[:2]):
            install_requirements()
        provide_pdf_libraries()


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Wait for any other set-up of this folder, and keep others waiting.

    What fills ``.venv`` inherits the lock, so that a pip that outlives its killed parent is waited for.
    """
    with REQUIREMENTS.open() as lock:
        os.set_inheritable(lock.fileno(), True)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another set-up is at work in this folder; waiting for its end.")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def stamp(requirements: bytes, python: tuple[int, int]) -> str:
    """Name the environment that ``requirements`` make under ``python``."""
    return f"{python[0]}.{python[1]} {hashlib.sha256(requirements).hexdigest()}"


def read_stamp() -> str:
    """Return the stamp of the last installation: UNFINISHED for one that was cut short, else maybe empty."""
    return STAMP.read_text() if STAMP.exists() else ""


def environment_works() -> bool:
    """Tell whether ``.venv`` was made to its end and runs the Python that runs this."""
    report: Command = [PYTHON, "-c", "import sys; print(*sys.version_info[:2], sys.prefix)"]
    expected = f"{sys.version_info[0]} {sys.version_info[1]} {VENV}"
    return read_stamp() != UNFINISHED and output_of(report) == expected


def make_environment() -> None:
    """Make ``.venv`` anew, with a pip of its own where the system's Python carries one."""
    say(f"Making {VENV.name}.")
    if VENV.exists():
        shutil.rmtree(VENV)
    VENV.mkdir()
    STAMP.write_text(UNFINISHED)
    venv.create(VENV, symlinks=True)
    if importlib.util.find_spec("ensurepip"):
        ensure_pip: Command = [PYTHON, "-m", "ensurepip", "--default-pip"]
        subprocess.call(ensure_pip, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, close_fds=False)


def install_requirements() -> None:
    """Install the pinned requirements; the stamp says UNFINISHED until they are all there."""
    say("Installing the requirements; a minute or so.")
    STAMP.write_text(UNFINISHED)
    install(REQUIREMENTS)
    STAMP.write_text(stamp(REQUIREMENTS.read_bytes(), sys.version_info[:2]))


def install(requirements: Path) -> None:
    """Install a file of hashed pins into ``.venv``."""
    options = ["-qq", "--disable-pip-version-check", "--no-user", "--require-hashes", "--requirement"]
    if subprocess.call([*pip(), "install", *options, requirements], close_fds=False) != 0:
        raise SetupError(f"{requirements.name} could not be installed; pip says why above.")


def pip() -> Command:
    """Return the command of a pip that fills ``.venv``: its own, or the system's from outside."""
    command = find_pip()
    if command is None:
        if not apt_is_ours():
            raise SetupError(f"Comptoir needs pip. On Debian or Ubuntu:\n  {apt_line(['python3-pip'])}")
        apt_install(["python3-pip"])
        command = find_pip()
    if command is None:
        raise SetupError("Comptoir needs a pip of 22.3 or later for this Python, and found none.")
    return command


def find_pip() -> Command | None:
    ways: list[Command] = [
        [PYTHON, "-m", "pip"],
        [sys.executable, "-m", "pip", "--python", PYTHON],
        ["pip3", "--python", PYTHON],
    ]
    return next((way for way in ways if output_of([*way, "--version"])), None)


def output_of(command: Command) -> str:
    """Return what ``command`` prints, stripped; nothing when it fails or cannot be started."""
    try:
        return subprocess.check_output(command, stderr=subprocess.DEVNULL, text=True).strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


# The system's packages


def provide_pdf_libraries() -> None:
    """Install what PDFs need, or say how; all the rest works without.

    Looks on Linux only: elsewhere a PDF's page says what is missing when it is asked for.
    """
    packages = missing_pdf_packages() if sys.platform == "linux" else []
    if packages and apt_is_ours():
        try:
            apt_install(packages)
        except SetupError as error:
            print(error, file=sys.stderr)
        packages = missing_pdf_packages()
    if packages:
        say(f"PDFs lack libraries here; all else works. On Debian or Ubuntu:\n  {apt_line(packages)}")


def missing_pdf_packages() -> list[str]:
    """Return the Debian packages of the libraries that the environment's Python cannot load."""
    probe = (
        "import ctypes, sys\n"
        "for name in sys.argv[1:]:\n"
        "    try: ctypes.CDLL(name)\n"
        "    except OSError: print(name)"
    )
    return [PDF_LIBRARIES[name] for name in output_of([PYTHON, "-c", probe, *PDF_LIBRARIES]).split()]


def apt_is_ours() -> bool:
    """Tell whether this is root on a Debian or one of its kin."""
    return os.geteuid() == 0 and Path("/etc/debian_version").exists() and shutil.which("apt-get") is not None


def apt_line(packages: list[str]) -> str:
    """Return the line that installs ``packages`` on Debian and Ubuntu."""
    return f"sudo apt-get install {' '.join(packages)}"


def apt_install(packages: list[str]) -> None:
    """Install Debian ``packages`` as root."""
    say(f"Installing {', '.join(packages)}.")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.call(["apt-get", "update", "-qq"], env=environment, stdout=subprocess.DEVNULL)
    command = ["apt-get", "install", "-qq", "--no-install-recommends", *packages]
    if subprocess.call(command, env=environment, stdout=subprocess.DEVNULL) != 0:
        raise SetupError(f"{' '.join(command)} failed; it says why above.")


# The demo


def demo(orders: int | None, port: int, *, serve_it: bool) -> int:
    """Make the demo's shops, then serve them if asked to; return the exit code."""
    address = f"http://127.0.0.1:{port}"
    os.environ.setdefault("SITE_URL", address)
    if "DEBUG" not in os.environ:
        os.environ.setdefault("DEMO", "True")
    amount = [] if orders is None else ["--orders", str(orders)]
    for command in (["migrate", "--verbosity", "0"], ["demo", *amount]):
        if code := subprocess.call(manage(*command), cwd=ROOT):
            print(f"manage.py {command[0]} failed; it says why above.", file=sys.stderr)
            return code
    return serve(address) if serve_it else 0


def manage(*arguments: str) -> Command:
    return [PYTHON, ROOT / "manage.py", *arguments]


def serve(address: str) -> int:
    """Run worker and server until a signal, exit code 0, or until one of them dies, exit code 1."""
    commands = {
        "worker": manage("db_worker", "--no-reload", "--queue-name", "*"),
        "server": manage("runserver", "--noreload", address.removeprefix("http://")),
    }
    running: Processes = {}
    try:
        for name, command in commands.items():
            # In sessions of their own: a Ctrl-C that reached them too would be the worker's second signal.
            running[name] = subprocess.Popen(command, cwd=ROOT, start_new_session=True)
        if answers(f"{address}/healthz", running):
            mails = Path(os.environ.get("VAR_DIR") or ROOT / "var") / "mails"
            say(WELCOME.format(address=address, mails=mails))
            wait_for_a_death(running)
        print(reason_to_stop(running), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        say("\nClosing.")
        return 0
    finally:
        stop(running)


def answers(url: str, running: Processes) -> bool:
    """Wait until ``url`` answers 200; False when a process died or it took too long."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + HEALTHY_WITHIN
    while time.monotonic() < deadline and not dead(running):
        try:
            with opener.open(url, timeout=5):
                return True
        except OSError:
            time.sleep(0.3)
    return False


def dead(running: Processes) -> dict[str, int]:
    """Return the exit code of each process that has ended."""
    return {name: code for name, process in running.items() if (code := process.poll()) is not None}


def wait_for_a_death(running: Processes) -> None:
    while not dead(running):
        time.sleep(0.5)


def reason_to_stop(running: Processes) -> str:
    for name, code in dead(running).items():
        return f"The {name} stopped by itself with exit code {code}; the demo closes."
    return f"The server did not report itself healthy within {HEALTHY_WITHIN} seconds; the demo closes."


def stop(running: Processes) -> None:
    """End every process, the worker after the task in hand; kill what is left in the end."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    for process in running.values():
        process.terminate()
    deadline = time.monotonic() + STOPPED_WITHIN
    for process in running.values():
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
