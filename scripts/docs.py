"""Writes the pages of docs/ that are made from the code: `python scripts/docs.py`. With --check it writes nothing and
names the pages that are not current.

The words stand where the thing is: a command's in cli/, a route's in triggers/openapi.yaml, a transform's in its
registry, a column's in the catalog, a blob's in ledger/paths.py.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, get_args

import yaml

REPOSITORY: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))

from cli.errors import EXIT_CODES  # noqa: E402
from cli.main import program  # noqa: E402
from ledger import paths  # noqa: E402
from mapping.catalog import build_schema  # noqa: E402
from mapping.describe import full_map, names_markdown  # noqa: E402
from mapping.transforms import COMMON_ARGS, REGISTRY  # noqa: E402

DOCS: Final = REPOSITORY / "docs"
MADE: Final = "<!-- Made by scripts/docs.py from {source}. Change it there. -->"


def main(arguments: list[str] | None = None) -> int:
    """Writes the pages, or checks them: 1 when one is not current."""
    parser = argparse.ArgumentParser(description="Writes the pages of docs/ that are made from the code.")
    parser.add_argument("--check", action="store_true", help="write nothing; end with 1 when a page is not current")
    check = parser.parse_args(arguments).check
    stale = []
    for name, (source, make) in PAGES.items():
        page = DOCS / name
        text = MADE.format(source=source) + "\n" + "\n".join(make()).rstrip() + "\n"
        if page.exists() and page.read_text("utf-8") == text:
            continue
        stale.append(name)
        if not check:
            page.parent.mkdir(parents=True, exist_ok=True)
            page.write_text(text, "utf-8")
    for name in stale:
        print(f"{'not current' if check else 'written'}: docs/{name}")
    return int(check and bool(stale))


def row(*cells: str) -> str:
    """A row of a Markdown table."""
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def header(*names: str) -> Iterator[str]:
    yield row(*names)
    yield "|" + "---|" * len(names)


# ---- the command line ------------------------------------------------------------------------------------------------

#: Options that nearly every command has; said once.
_SHARED: Final = ("as_json", "ndjson", "no_input", "migration")


def cli_page() -> Iterator[str]:
    """Every command, its arguments and options."""
    commands = list(_commands(program, "./carryover"))
    shared = {name: [path for path, one in commands if name not in {p.name for p in one.params}] for name in _SHARED}
    yield "# The command line"
    yield ""
    yield (
        "`./carryover` is a thin client of the app's HTTP API. It talks to the local system, or to the app at "
        "`CARRYOVER_APP_URL` with the key in `CARRYOVER_APP_KEY`. `--help` after any command says what is on this page."
    )
    yield ""
    yield (
        "- `--json`: one JSON document on stdout; words for people go to stderr. "
        f"All commands have it{_except(shared['as_json'])}."
    )
    yield (
        "- `--ndjson`: as `--json`, and a document a line: a run's each time it moves on, a list's row by row. What went "
        "wrong is the last line. All commands have it."
    )
    yield (
        "- `--no-input`: nobody is asked anything. A command that would ask ends with 2 and names the option that answers; "
        "so it does where there is no terminal. All commands have it."
    )
    yield (
        "- `--object`, `--since`, `--limit` choose from what a command lists, `--since` by a time (2026-11-29T14:00, in UTC "
        "unless it says otherwise) or how long ago (36h, 2d)."
    )
    yield (
        "- `-m ID`, `--migration ID`, or the variable `CARRYOVER_MIGRATION`: which migration is meant. Without it, it is "
        "the one created or used last. The commands that are about one migration have it."
    )
    yield ""
    yield "## Exit codes"
    yield ""
    yield from header("code", "meaning")
    for code, meaning in EXIT_CODES.items():
        yield row(str(code), meaning)
    panels = dict.fromkeys(_panel(program, path) for path, _ in commands)
    for panel in panels:
        yield ""
        yield f"## {panel}"
        for path, command in commands:
            if _panel(program, path) == panel:
                yield from _command(path, command)


def _commands(group: Any, path: str) -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            if command.params:
                yield f"{path} {name}", command
            yield from _commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


def _panel(root: Any, path: str) -> str:
    return str(root.commands[path.split()[1]].rich_help_panel)


def _except(lacking: list[str]) -> str:
    return f", except {', '.join(f'`{path}`' for path in lacking)}" if lacking else ""


def _command(path: str, command: Any) -> Iterator[str]:
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    options = [p for p in command.params if p.param_type_name == "option" and p.name not in _SHARED]
    words = [path]
    words += [_metavar(p) if p.required else f"[{_metavar(p)}]" for p in arguments]
    words += [f"{p.opts[0]}{_value(p)}" for p in options if p.required]
    if any(not p.required for p in options):
        words.append("[options]")
    yield ""
    yield f"### {path.removeprefix('./')}"
    yield ""
    yield " ".join(_told(command.help, path).split())
    yield ""
    yield f"    {' '.join(words)}"
    if not arguments and not options:
        return
    yield ""
    yield from header("argument or option", "meaning")
    for one in arguments:
        yield row(f"`{_metavar(one)}`", _told(one.help, path))
    for one in options:
        yield row(f"`{', '.join(one.opts)}{_value(one)}`", _told(one.help, path) + _default(one))


def _told(text: str | None, path: str) -> str:
    if not text:
        raise SystemExit(f"{path}: a command, argument or option without words for people")
    return text


def _metavar(argument: Any) -> str:
    return str(argument.metavar or argument.name).upper()


def _value(option: Any) -> str:
    if option.is_flag:
        return ""
    if option.metavar:
        return f" {option.metavar}"
    kind = option.type_descriptor.annotation
    if choices := get_args(kind):
        return " " + "|".join(map(str, choices))
    return {int: " NUMBER", float: " NUMBER", Path: " PATH"}.get(kind, " TEXT")


def _default(option: Any) -> str:
    if option.required:
        return " Required."
    if option.is_flag:
        return ""
    if option.default is not None:
        return f" Default: `{option.default}`."
    return f" Default: {option.show_default}." if isinstance(option.show_default, str) else ""


# ---- the HTTP API ----------------------------------------------------------------------------------------------------


def http_page() -> Iterator[str]:
    """Every route of the OpenAPI document, with what it takes and answers."""
    document = yaml.safe_load((REPOSITORY / "triggers" / "openapi.yaml").read_text("utf-8"))
    parts = document["components"]
    yield "# The HTTP API"
    yield ""
    yield " ".join(document["info"]["description"].split())
    yield ""
    yield (
        "All routes are under `/api`. The app serves the whole description as OpenAPI 3 at `/api/openapi.json`. Every "
        "request needs the function key, in the header `x-functions-key`. A refusal is "
        '`{"error": {"code", "message", "next"}}`: a code for programs, a reason for people, and what to do.'
    )
    for path, route in document["paths"].items():
        shared = route.get("parameters", [])
        for method in ("get", "post", "put", "delete"):
            if method in route:
                yield from _route(method, path, shared, route[method], parts)
    yield ""
    yield "## Bodies"
    for name, schema in parts["schemas"].items():
        yield ""
        yield f"### {name}"
        yield ""
        yield from header("member", "type", "meaning")
        required = schema.get("required", [])
        for member, one in schema["properties"].items():
            told = one.get("description", "")
            yield row(f"`{member}`" + (" (required)" if member in required else ""), _kind(one), told)


def _route(method: str, path: str, shared: list[Any], operation: Any, parts: Any) -> Iterator[str]:
    yield ""
    yield f"## {method.upper()} {path}"
    yield ""
    summary = operation["summary"]
    yield summary + ("" if summary.endswith(("?", ".")) else ".")
    taken = [_resolved(one, parts) for one in [*shared, *operation.get("parameters", [])]]
    lines = [
        f"- `{one['name']}` ({one['in']}{'' if one.get('required') else ', optional'}): {_kind(one['schema'])}"
        + (f"; {one['description']}" if one.get("description") else "")
        for one in taken
        if one["name"] != "id"
    ]
    if body := operation.get("requestBody"):
        kind, content = next(iter(_resolved(body, parts)["content"].items()))
        reference = content["schema"].get("$ref", "")
        lines.append(f"- body: {_body(reference) if reference else kind}")
    answers = []
    for status, answer in operation["responses"].items():
        found = _resolved(answer, parts)["description"]
        answers.append(f"{status} {HTTPStatus(int(status)).phrase}: {found}")
    lines.append("- answers: " + "; ".join(answers))
    yield ""
    yield from lines


def _resolved(one: Any, parts: Any) -> Any:
    if "$ref" not in one:
        return one
    kind, name = one["$ref"].split("/")[-2:]
    return parts[kind][name]


def _body(reference: str) -> str:
    name = reference.split("/")[-1]
    return f"[{name}](#{name.lower()})"


def _kind(schema: Any) -> str:
    if "enum" in schema:
        return ", ".join(f"`{one}`" for one in schema["enum"] if one is not None)
    if "$ref" in schema:
        return _body(schema["$ref"])
    if inner := schema.get("additionalProperties"):
        return f"object of {_kind(inner)}"
    return str(schema["type"])


# ---- transforms ------------------------------------------------------------------------------------------------------


def transforms_page() -> Iterator[str]:
    """Every transform: what it does, which columns it fills, its arguments."""
    yield "# Transforms"
    yield ""
    yield (
        "A field of the map names one transform. It gets one source value and returns the column's value, nothing, or a "
        "refusal. A refused value becomes an exception on that field of that record: it is never guessed and never lost. "
        "Some transforms leave something of a value behind, such as a time of day: value by value, the sample's diff says what."
    )
    yield ""
    yield "Arguments that every transform takes:"
    yield ""
    for name, told in COMMON_ARGS.items():
        yield f"- `{name}`: {told}"
    yield ""
    yield from header("transform", "fills")
    for name, one in REGISTRY.items():
        yield row(f"[{name}](#{name})", _fills(one))
    for name, one in REGISTRY.items():
        yield ""
        yield f"## {name}"
        yield ""
        yield one.doc
        yield ""
        yield f"Fills columns of type: {_fills(one)}."
        if one.reads_empty:
            yield ""
            yield "It is asked about empty values too."
        if one.loses is None:
            yield ""
            yield "The value can always be made again from the column's."
        if one.args:
            yield ""
            for argument, told in one.args.items():
                yield f"- `{argument}`: {told}"


def _fills(one: Any) -> str:
    return ", ".join(sorted(one.gives)) or "any"


# ---- storage ---------------------------------------------------------------------------------------------------------

_ID: Final = "m-1a2b3c4d"
_RUN: Final = (_ID, "migrate-0008", "patient", "00000")

#: Container -> (example of a name, what it is).
_BLOBS: Final[dict[paths.Container, tuple[tuple[str, str], ...]]] = {
    "drop": (
        (
            paths.drop_file(_ID, paths.file_id("export/patients.csv")),
            "an uploaded file, named by the SHA-256 of its path: a document is often named after its patient",
        ),
    ),
    "staging": (
        (paths.raw(_ID, 1, 7), "raw rows of the first reading of the source, bucket 7"),
        (paths.raw(_ID, 1, "all"), "raw rows of datasets that every bucket needs"),
        (paths.shaped_chunk(_ID, 1, "patient", "b0007"), "shaped records of one bucket, NDJSON"),
        (paths.accounts(_ID, 1, "bucket-0007.json"), "what each raw row of a bucket fed, or why it was left out"),
        (
            paths.work(_ID, "migrate-0008", "patient/plan/summary.json"),
            "what the steps of one run hand to each other: plans, samples, counts",
        ),
    ),
    "ledger": (
        (paths.map_version(_ID, 2), "a version of the map"),
        (paths.document(_ID, "owners.json"), "a document of the migration as a whole"),
        (paths.solution(_ID, "1.0.0.2"), "a version of the solution zip"),
        (paths.receipt_part(*_RUN), "receipts of one chunk of one run, Parquet"),
        (
            paths.before(_ID, "delta-0010", "patient", "00000", "contact-00000", 1),
            "before-images of one batch, written once",
        ),
        (paths.exception_part(*_RUN), "exceptions of one chunk of one run, NDJSON"),
        (paths.manifest(_ID), "the manifest that anchors the audit log, an append blob"),
        (paths.lease(*_RUN), "an empty blob; its lease gives one worker one chunk"),
    ),
    "reports": (
        (paths.report(_ID, "diff", "html"), "a report in one form"),
        (paths.claims(_ID, "migrate-0008", "claims.csv"), "a file of the claims export"),
    ),
}


def storage_page() -> Iterator[str]:
    """Containers, blobs and tables, each with an example of its name."""
    yield "# Where everything is stored"
    yield ""
    yield (
        "All state is in one storage account: four blob containers and three tables. Names hold ids, kinds and numbers "
        f"only, never a value of a record. The examples are of migration `{_ID}`."
    )
    for container in paths.CONTAINERS:
        yield ""
        yield f"## Container `{container}`"
        yield ""
        yield from header("example", "what it is")
        for name, told in _BLOBS[container]:
            yield row(f"`{name}`", told)
    yield ""
    yield "## Tables"
    yield ""
    yield from header("table", "a row is", "partition key", "row key")
    yield row(f"`{paths.MIGRATIONS}`", "a migration; changed by compare-and-swap", "`migration`", f"`{_ID}`")
    yield row(f"`{paths.RUNS}`", "a run of one step", f"`{_ID}`", f"`{paths.row_key(8)}`")
    yield row(f"`{paths.AUDIT}`", "an entry of the audit log", f"`{paths.partition(*_RUN)}`", f"`{paths.row_key(1)}`")


# ---- names -----------------------------------------------------------------------------------------------------------


def names_page() -> Iterator[str]:
    """Plain, schema and logical name of every table and column."""
    yield names_markdown(build_schema(full_map()))


#: page -> where its words come from, and its lines
PAGES: Final[dict[str, tuple[str, Callable[[], Iterator[str]]]]] = {
    "reference/cli.md": ("cli/", cli_page),
    "reference/http-api.md": ("triggers/openapi.yaml", http_page),
    "reference/names.md": ("mapping/catalog/", names_page),
    "reference/transforms.md": ("mapping/transforms/", transforms_page),
    "operations/storage.md": ("ledger/paths.py", storage_page),
}


if __name__ == "__main__":
    sys.exit(main())
