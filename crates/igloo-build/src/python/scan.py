"""Finds what a provider imports late: inside functions, and by `importlib.import_module("…")`.

Reads a JSON object from standard input and writes one to standard output:

    {"roots": [FOLDER…], "own": HOW MANY OF THEM ARE THE AUTHOR'S, "start": [MODULE…]}
    {"late": {MODULE: OWN?}, "unread": [FILE…], "modules": HOW MANY WERE READ}

It begins with the modules of `start` and goes on to every module that one of these folders has and that is imported,
early or late. Nothing is run. Imports below `if TYPE_CHECKING:` never happen and do not count; those that an
`except ImportError` catches are the author's guess, and count as a dependency's do: they may fail.
"""

import ast
import json
import sys
from collections import deque
from collections.abc import Iterator
from pathlib import Path

# Of the standard library, what tests, debuggers and windows need; a dependency may have it in a function that a
# provider never calls.
NEVER = frozenset(
    ["antigravity", "bdb", "code", "cProfile", "curses", "dbm", "doctest", "ensurepip", "idlelib", "IPython", "lib2to3", "multiprocessing", "pdb", "pip", "profile", "pydoc", "pydoc_data", "pytest", "readline", "setuptools", "sqlite3", "subprocess", "test", "this", "tkinter", "trace", "tracemalloc", "turtle", "unittest", "venv", "winreg"]
)
# The SDK's other half.
NEVER_OURS = frozenset(["igloo._process", "igloo.__main__"])
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


class Folders:
    """Modules by name, in the order of the folders."""

    def __init__(self, roots: list[str], own: int) -> None:
        self.roots = [Path(root) for root in roots]
        self.own = own

    def find(self, name: str) -> tuple[Path, bool, bool] | None:
        """A module's file, whether it is a package, whether it is the author's."""
        path = Path(*name.split("."))
        for at, root in enumerate(self.roots):
            package = root / path / "__init__.py"
            if package.is_file():
                return package, True, at < self.own
            module = (root / path).with_suffix(".py") if path.name else package
            if module.is_file():
                return module, False, at < self.own
            if (root / path).is_dir():
                return None
        return None

    def has(self, name: str) -> bool:
        path = Path(*name.split("."))
        return self.find(name) is not None or any((root / path).is_dir() for root in self.roots)


def names_type_checking(test: ast.expr) -> bool:
    return (isinstance(test, ast.Name) and test.id == "TYPE_CHECKING") or (
        isinstance(test, ast.Attribute) and test.attr == "TYPE_CHECKING"
    )


def catches_import_error(node: ast.Try) -> bool:
    caught = {name.id for handler in node.handlers for name in ast.walk(handler.type or node) if isinstance(name, ast.Name)}
    bare = any(handler.type is None for handler in node.handlers)
    return bare or not caught.isdisjoint({"ImportError", "ModuleNotFoundError", "Exception", "BaseException"})


def imports(node: ast.AST, late: bool = False, guarded: bool = False) -> Iterator[tuple[ast.AST, bool, bool]]:
    """Imports below a node, each with whether it is late and whether its failure is expected."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.Import, ast.ImportFrom)):
            yield child, late, guarded
        elif isinstance(child, ast.If) and names_type_checking(child.test):
            for other in child.orelse:
                yield from imports(ast.Module([other], []), late, guarded)
        elif isinstance(child, ast.Try):
            body = ast.Module(child.body, [])
            yield from imports(body, late, guarded or catches_import_error(child))
            rest = [*child.handlers, *child.orelse, *child.finalbody]
            yield from imports(ast.Module(rest, []), late, True)
        else:
            if isinstance(child, ast.Call) and called_by_name(child):
                yield child, late, guarded
            yield from imports(child, late or isinstance(child, FUNCTIONS), guarded)


def called_by_name(call: ast.Call) -> str | None:
    """The module that `importlib.import_module("…")` or `__import__("…")` names, if it is written there."""
    function = call.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    if name not in ("import_module", "__import__") or not call.args:
        return None
    first = call.args[0]
    return first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else None


def named(node: ast.AST, package: str, folders: Folders) -> Iterator[str]:
    """The modules that an import names, absolute."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = node.module or ""
        if node.level:
            above = package.split(".")[: len(package.split(".")) - node.level + 1]
            base = ".".join([*above, *filter(None, [node.module])])
        if base:
            yield base
            # `from package import module`
            yield from (f"{base}.{alias.name}" for alias in node.names if folders.find(f"{base}.{alias.name}"))
    elif isinstance(node, ast.Call) and (name := called_by_name(node)):
        level = len(name) - len(name.lstrip("."))
        if level:
            above = package.split(".")[: len(package.split(".")) - level + 1]
            yield ".".join([*above, name[level:]])
        else:
            yield name


def scan(folders: Folders, start: list[str]) -> dict[str, object]:
    waiting, seen = deque(start), set(start)
    late: dict[str, bool] = {}
    unread: list[str] = []
    read = 0
    while waiting:
        module = waiting.popleft()
        # Importing a module imports the packages that it is in.
        for above in (module.rsplit(".", at)[0] for at in range(1, module.count(".") + 1)):
            if above not in seen:
                seen.add(above)
                waiting.append(above)
        found = folders.find(module)
        if found is None:
            continue
        file, is_package, own = found
        try:
            tree = ast.parse(file.read_bytes(), str(file))
        except (SyntaxError, ValueError):
            unread.append(str(file))
            continue
        read += 1
        package = module if is_package else module.rpartition(".")[0]
        for node, is_late, guarded in imports(tree):
            for name in named(node, package, folders):
                if not name or name in NEVER_OURS or (name.split(".")[0] in NEVER and not (own and not guarded)):
                    continue
                if is_late:
                    # In the author's own code a missing module is a mistake, unless it is written as a guess.
                    late[name] = late.get(name, False) or (own and not guarded)
                if name not in seen:
                    seen.add(name)
                    waiting.append(name)
    return {"late": late, "unread": unread, "modules": read}


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    json.dump(scan(Folders(asked["roots"], asked["own"]), asked["start"]), sys.stdout)
