"""The house rules as functions: each takes the root of a source tree and returns the offences as "path:line: what"."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

PRODUCT: Final = ("app", "ui", "diagnostics", "resources")
FOLDERS: Final = (*PRODUCT, "tests", "benchmarks", "packaging")
MAX_FILE_LINES: Final = 400
MAX_FUNCTION_LINES: Final = 50
MAX_BROAD_EXCEPTS: Final = 3

MAY_OPEN_SOCKETS: Final = re.compile(r"diagnostics/(network\w*\.py|streams\.py|(probes|routes|vpn|workarounds|sim)/.*)")
"""``streams.py`` holds the bytes of ``network.py``'s connections; the others are the measuring side and its simulation."""

FORBIDDEN_TO: Final = {
    "resources": {"app", "ui", "diagnostics", "tests", "benchmarks", "PySide6"},
    "diagnostics": {"app", "ui", "tests", "benchmarks", "PySide6", "shiboken6"},
    "ui": {"app", "diagnostics", "tests", "benchmarks"},
    "app": {"tests", "benchmarks"},
}
NEVERTHELESS: Final = {
    "ui": {
        *("app.texts", "app.wording", "app.route_words", "app.route_steps", "app.way_words"),
        *("app.vpn_words", "app.vpn_steps", "app.vpn_summary_words"),
        *("diagnostics.model", "diagnostics.events"),
    }
}
"""The vocabulary, and how it is said: both pure."""

OPENING_MODULES: Final = {
    *("requests", "urllib3", "httpx", "aioquic", "http.client", "http.server", "urllib.request", "socketserver", "ftplib", "smtplib"),
    *("xmlrpc", "dns.query", "dns.asyncquery", "dns.resolver", "dns.asyncresolver", "PySide6.QtNetwork"),
}
OPENING_NAMES: Final = {
    "socket": {"socket", "create_connection", "create_server", "fromfd", "getaddrinfo", "getfqdn", "getnameinfo"}
    | {"gethostbyname", "gethostbyname_ex", "gethostbyaddr"},
    "asyncio": {"open_connection", "open_unix_connection", "start_server", "start_unix_server"},
    "ssl": {"get_server_certificate"},
}
LOOP_METHODS: Final = {"create_connection", "create_datagram_endpoint", "create_server", "sock_connect", "sock_sendto", "getaddrinfo"}
WAITING: Final = {"qWait", "qSleep", "msleep", "usleep", "processEvents"}


def sources(root: Path, *folders: str) -> Iterator[tuple[str, Path]]:
    """Yield every Python file of the folders with its path as the rules write it, ``run.py`` among them if no folder is named."""
    paths = [root / "run.py"] * (not folders)
    for folder in folders or FOLDERS:
        paths += sorted((root / folder).rglob("*.py"))
    for path in paths:
        if path.exists() and "__pycache__" not in path.parts:
            yield path.relative_to(root).as_posix(), path


def tree_of(path: Path) -> ast.Module:
    """Parse a file."""
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def imports(name: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield line and full name of everything a file imports; ``from a import b`` gives ``a.b``, relative ones are resolved."""
    package = name.removesuffix(".py").split("/")[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) + 1 - node.level] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names)


def within(name: str, modules: set[str]) -> bool:
    """Whether a dotted name is one of the modules or inside one of them."""
    return any(name == module or name.startswith(f"{module}.") for module in modules)


def layers(root: Path) -> list[str]:
    """Data flows one way: each folder imports only what lies below it."""
    return [
        f"{name}:{line}: {folder} imports {imported}"
        for folder, forbidden in FORBIDDEN_TO.items()
        for name, path in sources(root, folder)
        for line, imported in imports(name, tree_of(path))
        if within(imported, forbidden) and not within(imported, NEVERTHELESS.get(folder, set()))
    ]


def opened(name: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield line and name of everything in a file that opens a socket or asks a resolver."""
    for line, imported in imports(name, tree):
        module, _, last = imported.rpartition(".")
        if within(imported, OPENING_MODULES) or last in OPENING_NAMES.get(module, set()):
            yield line, imported
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            owner = node.value.id if isinstance(node.value, ast.Name) else ""
            if node.attr in OPENING_NAMES.get(owner, LOOP_METHODS):
                yield node.lineno, f"{owner}.{node.attr}".lstrip(".")


def sockets(root: Path) -> list[str]:
    """Only the measuring side touches a network."""
    return [
        f"{name}:{line}: uses {what}"
        for name, path in sources(root, *PRODUCT)
        if not MAY_OPEN_SOCKETS.fullmatch(name)
        for line, what in opened(name, tree_of(path))
    ]


def long_files(root: Path) -> list[str]:
    """A file fits in a head."""
    counted = ((name, len(path.read_text(encoding="utf-8").splitlines())) for name, path in sources(root))
    return [f"{name}:1: {lines} lines, more than {MAX_FILE_LINES}" for name, lines in counted if lines > MAX_FILE_LINES]


def long_functions(root: Path) -> list[str]:
    """A function fits on a screen."""
    return [
        f"{name}:{node.lineno}: {node.name} has {lines} lines, more than {MAX_FUNCTION_LINES}"
        for name, path in sources(root)
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (lines := (node.end_lineno or node.lineno) - node.lineno + 1) > MAX_FUNCTION_LINES
    ]


def is_broad(node: ast.AST) -> bool:
    """Whether a node catches everything: a bare ``except``, one of Exception or BaseException, or ``suppress`` of them."""
    if isinstance(node, ast.ExceptHandler):
        caught = [node.type] if node.type else [ast.Name("BaseException")]
    elif isinstance(node, ast.Call) and ast.unparse(node.func) in {"suppress", "contextlib.suppress"}:
        caught = list(node.args)
    else:
        return False
    kinds = [kind for item in caught for kind in (item.elts if isinstance(item, ast.Tuple) else [item])]
    return any(isinstance(kind, ast.Name) and kind.id in {"Exception", "BaseException"} for kind in kinds)


def broad_excepts(root: Path) -> list[str]:
    """At most three places catch everything, and each says why in a comment on its line."""
    offences, found = [], []
    for name, path in sources(root):
        lines = path.read_text(encoding="utf-8").splitlines()
        for node in ast.walk(tree_of(path)):
            if not name.startswith("tests/") and is_broad(node):
                where = f"{name}:{getattr(node, 'lineno', 0)}"
                found.append(where)
                comment = lines[getattr(node, "lineno", 1) - 1].partition("#")[2]
                if len(re.sub(r"noqa: [A-Z0-9, ]+", "", comment).strip(" -")) < 10:
                    offences.append(f"{where}: catches everything without saying why")
    if len(found) > MAX_BROAD_EXCEPTS:
        offences.append(f"{found[-1]}: {len(found)} places catch everything, more than {MAX_BROAD_EXCEPTS}: {', '.join(found)}")
    return offences


def silenced_types(root: Path) -> list[str]:
    """The type checker is believed; one file of ``ui`` may hold what PySide6's stubs get wrong."""
    ignores = [
        (name, token.start[0])
        for name, path in sources(root)
        for token in tokenize.generate_tokens(io.StringIO(path.read_text(encoding="utf-8")).readline)
        if token.type == tokenize.COMMENT and re.match(r"#\s*(type:\s*ignore|mypy:)", token.string)
    ]
    shims = sorted({name for name, _ in ignores if name.startswith("ui/")})[:1]
    return [f"{name}:{line}: silences the type checker" for name, line in ignores if name not in shims]


def shadowed_packaging(root: Path) -> list[str]:
    """``packaging/`` with an ``__init__.py`` hides PyPI's ``packaging`` from everything started here: PyInstaller, parts of pytest."""
    path = root / "packaging" / "__init__.py"
    return ["packaging/__init__.py:1: hides PyPI's packaging"] if path.exists() else []


def idle_waits(root: Path) -> list[str]:
    """Tests wait for a thing, never for a time (asyncio.sleep may play a slow server); a window never turns its own event loop."""
    return [
        f"{name}:{node.lineno}: {ast.unparse(node.func)}"
        for name, path in sources(root, "tests", "ui")
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call)
        for called in [ast.unparse(node.func)]
        if called.rpartition(".")[2] in WAITING or (called.rpartition(".")[2] == "sleep" and called != "asyncio.sleep")
    ]


RULES: Final[tuple[Callable[[Path], list[str]], ...]] = (
    *(layers, sockets, long_files, long_functions, broad_excepts, silenced_types, shadowed_packaging, idle_waits),
)
