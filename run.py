#!/usr/bin/env python3
"""Set everything up on a machine that has nothing but Python, then open Atajo or run its tests.

    python3 run.py                   the window (on Windows: py run.py)
    python3 run.py check x           the terminal form: what follows goes to ``python -m app``
    python3 run.py test [ARGS]       the tests; ARGS go to pytest
    python3 run.py shots FOLDER      pictures of every screen
    python3 run.py dev MODULE ARGS   a developer's tool, such as ``dev ruff check``

Standard library only; it parses on Python 3.6, so that an old Python gets a sentence instead of a SyntaxError.

Dependencies live in ``.venv/KIND-PYTHON-DIGEST``; the digest covers the lock file and the interpreter, so a changed lock means a fresh
environment.  An environment counts only once its marker file is written, as the very last step: one left half-made by a power cut is
done again.  There are two kinds: ``run`` (what the app needs) and ``dev`` (that and the tools; it also serves the app if it is there);
the benchmark and a test make one each for what they compare with (``bench``, ``ooni``).
Exit status of this file itself: 2 something the person must change, 3 nothing could be downloaded, 130 interrupted.
"""

import os
import sys

TEXTS = {  # id: (Spanish, English)
    "old_python": ("Atajo necesita Python 3.11 o posterior; este es {version}.", "Atajo needs Python 3.11 or later; this is {version}."),
    "no_screen": (
        "Aquí no hay pantalla, así que la ventana no puede abrirse. En la terminal sí funciona: {command}",
        "There is no screen here, so the window cannot open. The terminal form works: {command}",
    ),
    "first_time": ("Preparando Atajo por primera vez (cerca de un minuto)…", "Setting up Atajo for the first time (about a minute)…"),
    "waiting": ("Atajo ya se está preparando en otra ventana; esperando…", "Atajo is already being set up in another window; waiting…"),
    "downloading": ("  descargando {what} ({size})", "  downloading {what} ({size})"),
    "apt": ("Instalando paquetes del sistema: {packages}", "Installing system packages: {packages}"),
    "apt_failed": ("No se pudieron instalar paquetes del sistema: {reason}", "System packages could not be installed: {reason}"),
    "packages": (
        "Faltan paquetes del sistema; ejecuta esto y reintenta:\n{line}",
        "System packages are missing; run this and retry:\n{line}",
    ),
    "libraries": ("Faltan bibliotecas del sistema; instálalas: {names}", "System libraries are missing; install them: {names}"),
    "no_venv": ("A {python} le falta ensurepip; instala un Python completo.", "{python} lacks ensurepip; install a complete Python."),
    "network": (
        "No se pudo descargar lo necesario. Revisa tu conexión o tu proxy (HTTPS_PROXY) y repite el mismo comando. Detalles: {log}",
        "The download failed. Check your connection or your proxy (HTTPS_PROXY) and run the same command again. Details: {log}",
    ),
    "hashes": (
        "Un archivo descargado no es el esperado y no se instaló; tu red podría estar alterando las descargas. Detalles: {log}",
        "A downloaded file is not the expected one and was not installed; your network may be altering downloads. Details: {log}",
    ),
    "no_wheel": ("Falta una parte para este sistema o este Python: {log}", "A part is missing for this system or this Python: {log}"),
    "disk": ("No hay espacio suficiente en el disco (hacen falta unos 500 MB).", "The disk is full (about 500 MB are needed)."),
    "failed": ("La preparación falló. Detalles: {log}", "The set-up failed. Details: {log}"),
    "folder": ("No se puede escribir en {path}; copia Atajo a otra carpeta.", "Cannot write to {path}; copy Atajo to another folder."),
    "interrupted": ("Interrumpido. Repite el mismo comando para continuar.", "Interrupted. Run the same command again to go on."),
}


def spanish() -> bool:
    """Whether to speak Spanish: the locale's variables in POSIX order of precedence, or Windows' display language."""
    if sys.platform == "win32":
        import ctypes

        return bool(ctypes.windll.kernel32.GetUserDefaultUILanguage() & 0x3FF == 0x0A)  # primary language id LANG_SPANISH, winnt.h
    name = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    return name.startswith("es")


def text(key: str, **values: str) -> str:
    """Return a message in the person's language."""
    return TEXTS[key][not spanish()].format(**values)


def say(key: str, **values: str) -> None:
    """Write a message to stderr: stdout belongs to the program that is started."""
    sys.stderr.write(text(key, **values) + "\n")


if sys.version_info < (3, 11):
    say("old_python", version=sys.version.split()[0])
    sys.exit(2)

import errno
import hashlib
from contextlib import suppress
from pathlib import Path
from typing import IO, NoReturn

ROOT = Path(__file__).resolve().parent
ENVIRONMENTS = ROOT / ".venv"
LOCKS = {"run": ROOT / "requirements.lock", **{kind: ROOT / f"requirements-{kind}.lock" for kind in ("dev", "bench", "ooni")}}
MARKER = "atajo-ready"

# Shared libraries that Qt's wheels expect from the system, and Debian's packages for them (tried one by one on a minimal Debian 12).
# From Debian 13 on libglib2.0-0 is provided by libglib2.0-0t64; apt finds it by the old name.
QT_LIBRARIES = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libglib-2.0.so.0": "libglib2.0-0",
}
PLUGIN_LIBRARIES = {
    "xcb": {
        "libxcb-cursor.so.0": "libxcb-cursor0",
        "libxcb-icccm.so.4": "libxcb-icccm4",
        "libxcb-keysyms.so.1": "libxcb-keysyms1",
        "libxcb-shape.so.0": "libxcb-shape0",
        "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    },
    "wayland": {"libwayland-client.so.0": "libwayland-client0", "libwayland-cursor.so.0": "libwayland-cursor0"},
}
# Parts of the names of urllib3's errors, as pip prints them.
NETWORK_SIGNS = (
    *("ConnectionPool", "ConnectionError", "ResolutionError", "TimeoutError", "ProxyError", "SSLError", "ProtocolError", "timed out"),
)
WITH_VALUE = {"--lang", "--simulate"}  # options before a command that take the next argument


class SetUpError(Exception):
    """The run cannot go on: the id of the sentence that says why, and the exit status."""

    def __init__(self, key: str, status: int = 2, **values: str) -> None:
        super().__init__(text(key, **values))
        self.status = status


def command_of(arguments: list[str]) -> tuple[str, list[str]]:
    """Return the kind of environment a command needs and its arguments; ``-P`` keeps the current folder off the import path."""
    first, rest = "".join(arguments[:1]), arguments[1:]
    if first == "test":
        return "dev", ["-P", "-m", "pytest", *rest]
    if first == "dev" and rest:
        return "dev", ["-P", "-m", *rest]
    if first == "shots":
        return "run", ["-P", "-m", "app.shots", *rest]
    return "run", ["-P", "-m", "app", *arguments]


def typed_command() -> str:
    """Return how the reader starts this file, for hints: Windows' launcher or python3, and the path as it was typed."""
    path = sys.argv[0] if sys.argv[0].endswith("run.py") else "run.py"
    return ("py" if sys.platform == "win32" else "python3") + (f' "{path}"' if " " in path else f" {path}")


def qt_plugin(arguments: list[str]) -> str:
    """Return the name of the Qt platform plugin a command will load, or "" if it uses no Qt.

    Every word that is no option is a subcommand of the terminal form, a misspelt one too: the app explains that itself.
    """
    pictures = arguments[:1] in (["test"], ["shots"]) or "--selftest" in arguments
    words = [word for before, word in zip(["", *arguments], arguments) if not word.startswith("-") and before not in WITH_VALUE]
    if not pictures and (words or {"--version", "--help", "-h"} & set(arguments)):
        return ""
    chosen = os.environ.get("QT_QPA_PLATFORM")
    if chosen:
        return chosen.split(";")[0].split(":")[0]
    if pictures:
        return "offscreen"
    if sys.platform != "linux":
        return "native"
    if os.environ.get("DISPLAY"):
        return "xcb"
    if os.environ.get("WAYLAND_DISPLAY"):
        return "wayland"
    raise SetUpError("no_screen", command=f"{typed_command()} check")


def missing_libraries(plugin: str) -> dict[str, str]:
    """Return the libraries (soname to Debian package) whose absence would make Qt abort, which Python cannot catch."""
    if sys.platform != "linux" or not plugin:
        return {}
    import ctypes

    missing = {}
    for soname, package in {**QT_LIBRARIES, **PLUGIN_LIBRARIES.get(plugin, {})}.items():
        try:
            ctypes.CDLL(soname)
        except OSError:
            missing[soname] = package
    return missing


def provide_system_packages(plugin: str, fresh: bool) -> None:
    """Install what is missing if we may, else stop with the exact line for it.  ``fresh``: venv will be needed too."""
    from importlib.util import find_spec

    libraries = missing_libraries(plugin)
    no_venv = fresh and find_spec("ensurepip") is None  # Debian ships it apart from Python
    if not libraries and not no_venv:
        return
    import shutil

    apt = shutil.which("apt-get")
    if no_venv and not (apt and sys.base_prefix == "/usr"):
        raise SetUpError("no_venv", python=sys.executable)
    if not apt:
        raise SetUpError("libraries", names=" ".join(sorted(libraries)))
    packages = [f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"] if no_venv else []
    packages += sorted(libraries.values())
    if sys.platform != "win32" and os.geteuid() == 0:
        apt_install(apt, packages)
    else:
        raise SetUpError("packages", line="sudo apt-get install -y --no-install-recommends " + " ".join(packages))


def apt_install(apt: str, packages: list[str]) -> None:
    """Install Debian packages as root, fetching the package lists first where they are missing or too old."""
    import subprocess

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [apt, "-qq", "-o", "DPkg::Lock::Timeout=120", *arguments]
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
        return subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)

    say("apt", packages=" ".join(packages))
    install = ("install", "-y", "--no-install-recommends", *packages)
    if call(*install).returncode == 0:
        return
    call("update")
    result = call(*install)
    if result.returncode:
        reason = (result.stderr.strip().splitlines() or [f"exit status {result.returncode}"])[-1]
        raise SetUpError("apt_failed", packages=" ".join(packages), reason=reason)


def environment_folder(kind: str) -> Path:
    """Return where the environment of this kind, for this lock file and this interpreter, belongs."""
    tag = str(sys.implementation.cache_tag)
    parts = [tag, getattr(sys, "abiflags", ""), sys.platform, sys.base_prefix]
    if sys.platform != "win32":
        parts.append(os.uname().machine)  # one universal Python on a Mac runs as either
    digest = hashlib.sha256(LOCKS[kind].read_bytes() + "\0".join(parts).encode(errors="surrogateescape"))
    return ENVIRONMENTS / f"{kind}-{tag}-{digest.hexdigest()[:10]}"  # short: paths on Windows are


def python_of(folder: Path) -> Path:
    """Return the interpreter inside an environment."""
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def is_ready(folder: Path) -> bool:
    """Whether an environment was finished and its Python still exists (a system upgrade may have removed it)."""
    return (folder / MARKER).exists() and python_of(folder).exists()


def choose_environment(kind: str) -> Path:
    """Return a finished environment that serves, or the folder where one has to be made."""
    folder = environment_folder(kind)
    if kind == "run" and not is_ready(folder) and is_ready(environment_folder("dev")):
        return environment_folder("dev")
    return folder


def lock(handle: IO[str]) -> None:
    """Lock an open file, waiting for whoever has it; the system drops the lock when a process dies.  No locks there: none taken."""
    if sys.platform == "win32":
        import msvcrt

        while True:
            with suppress(OSError):  # LK_LOCK gives up after ten tries a second apart
                msvcrt.locking(handle.fileno(), msvcrt.LK_LOCK, 1)
                return
            say("waiting")
    else:
        import fcntl

        os.set_inheritable(handle.fileno(), True)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting")
            fcntl.flock(handle, fcntl.LOCK_EX)
        except OSError:
            return


def set_up(kind: str, folder: Path) -> None:
    """Make an environment: a fresh venv, the locked packages checked against their hashes, the marker."""
    import subprocess
    import venv

    ENVIRONMENTS.mkdir(exist_ok=True)
    with (ENVIRONMENTS / "lock").open("a") as handle:
        lock(handle)
        if is_ready(folder):
            return
        say("first_time")
        sweep()
        try:
            venv.create(folder, clear=True, with_pip=True, symlinks=os.name != "nt")
        except subprocess.CalledProcessError as error:
            raise why_failed(error.output.decode(errors="replace")) from error
        pip_install(folder, LOCKS[kind])
        (folder / MARKER).touch()


def pip_install(folder: Path, lock_file: Path) -> None:
    """Install a lock file into an environment, naming the big downloads."""
    import re
    import subprocess

    command = [str(python_of(folder)), "-P", "-m", "pip", "install", "--require-hashes", "--only-binary=:all:", "--no-input"]
    command += ["--disable-pip-version-check", "--progress-bar=off", "-r", str(lock_file)]
    environment = {**os.environ, "PIP_USER": "0", "PYTHONUTF8": "1"}  # a personal `user = true` cannot work inside a venv
    environment.pop("PYTHONHOME", None)
    lines = []
    # close_fds=False: pip shares our lock, so that the next run waits for it should this one be killed.
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, close_fds=False) as pip:
        for raw in pip.stdout or ():
            lines.append(raw.decode(errors="replace"))
            big = re.match(r"\s*Downloading (\w+)-\S+ \(([\d.]{4,} MB)\)", lines[-1])
            if big:
                say("downloading", what=big[1], size=big[2])
    if pip.returncode:
        raise why_failed("".join(lines))


def why_failed(output: str) -> SetUpError:
    """Keep what pip said in a log and turn it into one sentence."""
    log = str(ENVIRONMENTS / "setup.log")
    with suppress(OSError):  # a full disk is one of the reasons
        Path(log).write_text(output, encoding="utf-8")
    if "DO NOT MATCH THE HASHES" in output:
        return SetUpError("hashes", log=log)
    if "No space left on device" in output:
        return SetUpError("disk")
    if any(sign in output for sign in NETWORK_SIGNS):
        return SetUpError("network", status=3, log=log)
    if "No matching distribution found" in output:
        return SetUpError("no_wheel", log=log)
    return SetUpError("failed", log=log)


def sweep() -> None:
    """Remove environments never finished (the caller holds the lock, so nobody is at it) or long unused: each is some 300 MB."""
    import shutil
    import time

    limit = time.time() - 30 * 24 * 3600  # a month: somebody may go back and forth between two versions
    for folder in (folder for kind in LOCKS for folder in ENVIRONMENTS.glob(f"{kind}-*-*")):
        if not is_ready(folder) or (folder / MARKER).stat().st_mtime < limit:
            shutil.rmtree(folder, ignore_errors=True)


def hand_over(folder: Path, arguments: list[str], plugin: str) -> int:
    """Become the program (POSIX), or run it and return its exit status (Windows has no exec)."""
    with suppress(OSError):  # somebody else's folder: fine to use, not to touch
        (folder / MARKER).touch()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "ATAJO_COMMAND": typed_command()}
    environment.pop("PYTHONHOME", None)
    if not environment.get("QT_QPA_PLATFORM"):
        environment.pop("QT_QPA_PLATFORM", None)  # Qt takes an empty one for a plugin without a name
        if plugin == "offscreen":
            environment["QT_QPA_PLATFORM"] = plugin
    command = [str(python_of(folder)), *arguments]
    if os.name == "posix":
        os.execve(command[0], command, environment)
    import subprocess

    process = subprocess.Popen(command, env=environment)
    while True:
        with suppress(KeyboardInterrupt):  # the program got the same Ctrl-C and ends in its own way
            return process.wait()


def main(arguments: list[str]) -> int:
    """Do what was asked for, setting up first what is missing."""
    kind, command = command_of(arguments)
    plugin = qt_plugin(arguments)
    folder = choose_environment(kind)
    fresh = not is_ready(folder)
    provide_system_packages(plugin, fresh)
    if fresh:
        set_up(kind, folder)
    if kind == "dev":
        os.chdir(ROOT)  # tools find their settings in the folder they stand in
    return hand_over(folder, command, plugin)


def start() -> NoReturn:
    """Run, and end with a sentence rather than a traceback for what a person may meet."""
    try:
        sys.exit(main(sys.argv[1:]))
    except SetUpError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(error.status)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            say("disk")
        elif isinstance(error, PermissionError):
            say("folder", path=str(error.filename or ROOT))
        else:
            raise
        sys.exit(2)
    except KeyboardInterrupt:
        say("interrupted")
        sys.exit(130)


if __name__ == "__main__":
    start()
