"""The house's rules, read from the source: who may import whom, and which packages the app may need."""

import ast
import re
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent

#: part -> the other parts it may import. Orchestrators call activities by name; services start orchestrators by name.
#: Triggers and the console are two doors to the same services: neither does work, neither knows the other.
MAY_IMPORT: dict[str, set[str]] = {
    "mapping": set(),
    "sources": {"mapping"},
    "dataverse": {"mapping"},
    "ledger": {"mapping"},
    "reports": {"mapping"},
    "activities": {"sources", "mapping", "dataverse", "ledger", "reports", "settings"},
    "orchestrators": {"mapping"},
    "services": {"orchestrators", "activities", "sources", "mapping", "dataverse", "ledger", "reports", "settings"},
    "triggers": {"services", "activities", "mapping", "ledger", "settings"},
    "console": {"services", "mapping", "ledger", "reports", "settings"},
    "cli": {"mapping"},
    "settings": set(),
    "function_app": {"triggers", "console", "orchestrators", "activities", "settings"},
}

#: The local system stands beside the app: its host loads function_app.py by name, its simulator is a stranger.
BESIDE = {"local", "benchmarks", "tests", "infra", "scripts"}
PARTS = set(MAY_IMPORT) | BESIDE

#: Parts that Azure runs: requirements.txt must name every package they import.
DEPLOYED = ("function_app", "triggers", "services", "orchestrators", "activities", "mapping", "sources", "dataverse", "ledger",
            "reports", "console", "settings")  # fmt: skip

#: Parts that orchestrators must not touch directly: they would not be replayed alike.
NOT_DETERMINISTIC = {"asyncio", "datetime", "httpx", "os", "random", "secrets", "socket", "subprocess", "time", "uuid"}


def files(part: str) -> list[Path]:
    """The modules of one part."""
    alone = REPOSITORY / f"{part}.py"
    return [alone] if alone.exists() else sorted((REPOSITORY / part).rglob("*.py"))


def imports(file: Path) -> Iterator[tuple[int, str]]:
    """Line and full name of every module that a file imports, wherever in the file it does so."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"), str(file))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}:{node.lineno}: imports are written in full"
            yield node.lineno, node.module or ""
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("importlib.import_module", "__import__"):
            name = node.args[0]
            yield node.lineno, name.value if isinstance(name, ast.Constant) and isinstance(name.value, str) else ""


def named_in(requirements: str) -> set[str]:
    """The packages that a requirements file names itself, in normal form."""
    lines = (REPOSITORY / requirements).read_text("utf-8").splitlines()
    return {normal(line) for line in lines if line and not line.startswith(("#", "-"))}


def normal(package: str) -> str:
    """A package's name as pip compares it."""
    return re.sub(r"[-_.]+", "-", re.split(r"[\s\[<>=!~;]", package.strip(), maxsplit=1)[0]).lower()


@pytest.mark.parametrize("part", sorted(MAY_IMPORT))
def test_a_part_imports_only_what_it_may(part: str) -> None:
    broken = []
    for file in files(part):
        for line, module in imports(file):
            other = module.split(".")[0]
            if other in PARTS - {part} - MAY_IMPORT[part]:
                broken.append(f"{file.relative_to(REPOSITORY)}:{line} imports {module}")
    assert broken == []


def test_the_command_line_reaches_into_the_app_for_one_thing() -> None:
    """It talks HTTP. Only a proposal from a schema alone is made where it is typed: it must work when nothing is up."""
    reaching = {
        (file.name, ".".join(module.split(".")[:2]))
        for file in files("cli")
        for _, module in imports(file)
        if module.split(".")[0] == "mapping"
    }
    assert reaching == {("proposal.py", "mapping.matching")}


def test_nothing_but_tests_and_benchmarks_imports_the_local_system() -> None:
    broken = [
        f"{file.relative_to(REPOSITORY)}:{line}"
        for part in MAY_IMPORT
        for file in files(part)
        for line, module in imports(file)
        if module.split(".")[0] == "local"
    ]
    assert broken == []


def test_the_local_system_knows_the_app_only_by_its_front_door() -> None:
    """And by the names of the twelve objects. A simulator that shared the app's catalog would share its mistakes."""
    broken = [
        f"{file.relative_to(REPOSITORY)}:{line} imports {module}"
        for file in files("local")
        for line, module in imports(file)
        if module.split(".")[0] in set(MAY_IMPORT) - {"function_app"} and module != "mapping.objects"
    ]
    assert broken == []


def test_orchestrators_are_deterministic() -> None:
    broken = [
        f"{file.relative_to(REPOSITORY)}:{line} imports {module}"
        for file in files("orchestrators")
        for line, module in imports(file)
        if module.split(".")[0] in NOT_DETERMINISTIC
    ]
    assert broken == []


def test_mapping_does_no_io() -> None:
    reaching_out = {"azure", "httpx", "requests", "socket", "aiohttp", "subprocess", "asyncio", "sqlite3", "duckdb"}
    broken = [
        f"{file.relative_to(REPOSITORY)}:{line} imports {module}"
        for file in files("mapping")
        for line, module in imports(file)
        if module.split(".")[0] in reaching_out
    ]
    assert broken == []


def optional_in(file: Path) -> set[str]:
    """Modules that a test does without: it names them in ``pytest.importorskip`` and is skipped where they are missing."""
    calls = (node for node in ast.walk(ast.parse(file.read_text("utf-8"))) if isinstance(node, ast.Call))
    named = [call.args[0] for call in calls if ast.unparse(call.func) == "pytest.importorskip"]
    return {str(name.value).split(".")[0] for name in named if isinstance(name, ast.Constant)}


def foreign(parts: tuple[str, ...]) -> dict[str, str]:
    """Packages from outside that the parts import -> one place that does."""
    found: dict[str, str] = {}
    for part in parts:
        for file in files(part):
            known = PARTS | sys.stdlib_module_names | optional_in(file)
            for line, module in imports(file):
                if module and module.split(".")[0] not in known:
                    found.setdefault(module, f"{file.relative_to(REPOSITORY)}:{line}")
    return found


#: The packages below the namespace ``azure``, which several distributions share.
AZURE = {
    "azure.functions": "azure-functions",
    "azure.durable_functions": "azure-functions-durable",
    "azure.identity": "azure-identity",
    "azure.storage.blob": "azure-storage-blob",
    "azure.data.tables": "azure-data-tables",
    "azure.core": "azure-storage-blob",  # comes with every client of Azure
}


def distributions(module: str) -> set[str]:
    """The distributions that bring a module."""
    for name, distribution in AZURE.items():
        if module == name or module.startswith(name + "."):
            return {distribution}
    return {normal(name) for name in packages_distributions().get(module.split(".")[0], [module])}


def test_the_app_needs_only_what_azure_installs() -> None:
    named = named_in("requirements.txt")
    missing = [
        f"{module} ({place})" for module, place in foreign(DEPLOYED).items() if not distributions(module) & named
    ]
    assert missing == []


def test_nothing_is_used_that_is_not_in_the_requirements() -> None:
    named = named_in("requirements.txt") | named_in("requirements-dev.txt")
    everything = foreign((*sorted(MAY_IMPORT), *sorted(BESIDE)))
    missing = [f"{module} ({place})" for module, place in everything.items() if not distributions(module) & named]
    assert missing == []


def test_every_package_is_pinned() -> None:
    pinned = named_in("constraints.txt")
    assert (named_in("requirements.txt") | named_in("requirements-dev.txt")) - pinned == set()
    lines = (REPOSITORY / "constraints.txt").read_text("utf-8").splitlines()
    assert [
        line for line in lines if line and not line.startswith("#") and not re.fullmatch(r"[\w.\-]+==[\w.+!]+", line)
    ] == []
