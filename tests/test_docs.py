"""The documentation holds: pages made from code are current, links lead somewhere, commands exist, nothing is forgotten."""

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.main import program
from sources.profile import parse_profile

REPOSITORY = Path(__file__).resolve().parent.parent
DOCS = REPOSITORY / "docs"
PAGES = sorted([REPOSITORY / "README.md", *DOCS.rglob("*.md")])

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def name(page: Path) -> str:
    return page.relative_to(REPOSITORY).as_posix()


def prose(page: Path) -> str:
    """The page's text without code."""
    text = FENCE.sub("", page.read_text("utf-8"))
    return re.sub(r"`[^`\n]*`", "", re.sub(r"^    .*$", "", text, flags=re.MULTILINE))


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text("utf-8")), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", one).lower()) for one in headings)
    return {one.replace(" ", "-") for one in plain}


def test_pages_made_from_code_are_current() -> None:
    done = subprocess.run(
        [sys.executable, "scripts/docs.py", "--check"], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"run .venv/bin/python scripts/docs.py\n{done.stdout}{done.stderr}"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_relative_links_lead_somewhere(page: Path) -> None:
    broken = []
    for target in LINK.findall(prose(page)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            broken.append(target)
    assert broken == []


def test_every_page_is_reached_from_the_index() -> None:
    reached: set[Path] = set()
    waiting = [DOCS / "index.md"]
    while waiting:
        page = waiting.pop()
        reached.add(page)
        for target in LINK.findall(prose(page)):
            file = (page.parent / target.partition("#")[0]).resolve()
            if file.suffix == ".md" and file.exists() and file not in reached:
                waiting.append(file)
    assert [name(page) for page in PAGES if page not in reached] == []


def test_images_are_small() -> None:
    images = [file for file in (DOCS / "images").iterdir() if file.is_file()]
    assert images
    assert [name(file) for file in images if file.stat().st_size > 300_000] == []


# ---- commands --------------------------------------------------------------------------------------------------------


def typed(page: Path) -> Iterator[str]:
    """Every `./carryover …` that a page tells people to type."""
    for line in page.read_text("utf-8").splitlines():
        pieces = re.findall(r"`([^`]+)`", line) if "`" in line else [line]
        for piece in pieces:
            found = re.search(r"\./carryover( [^#|;]*)?", piece.replace("\\|", "/"))
            if found and (piece is not line or line.startswith(("    ", "\t", "./", "$"))):
                yield found[0].strip().rstrip(".,:")


def command_of(words: list[str]) -> tuple[Any, list[str]]:
    """The command that the words name, and what is left of them."""
    command: Any = program
    while words and hasattr(command, "commands") and words[0] in command.commands:
        command, words = command.commands[words[0]], words[1:]
    return command, words


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "cli.md"], ids=name)
def test_commands_that_pages_tell_exist(page: Path) -> None:
    wrong = []
    for line in typed(page):
        try:
            words = shlex.split(line)[1:]
        except ValueError:
            words = line.split()[1:]
        command, rest = command_of(words)
        known = {option for one in command.params for option in (*one.opts, *one.secondary_opts)} | {"--help"}
        asked = {word.partition("=")[0] for word in rest if word.startswith("-") and len(word) > 1}
        if asked - known or (hasattr(command, "commands") and rest and not rest[0].startswith("-")):
            wrong.append(line)
    assert wrong == []


def test_targets_of_make_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", (REPOSITORY / "Makefile").read_text("utf-8"), re.MULTILINE))
    asked = {found for page in PAGES for found in re.findall(r"(?:^    |`)make ([a-z]+)", page.read_text("utf-8"))}
    assert asked
    assert asked - targets == set()


# ---- what must not be forgotten --------------------------------------------------------------------------------------


def listed(section: str) -> set[str]:
    """The packages in the tables of docs/dependencies.md below a heading that starts so."""
    text = (DOCS / "dependencies.md").read_text("utf-8")
    parts = [part for part in text.split("\n## ")[1:] if section in part.splitlines()[0]]
    return {found for part in parts for found in re.findall(r"^\| ([\w.-]+) \| .+ \|$", part, re.MULTILINE)} - {
        "package"
    }


def required(file: str) -> set[str]:
    lines = (REPOSITORY / file).read_text("utf-8").splitlines()
    return {line.strip() for line in lines if line and not line.startswith(("#", "-"))}


def test_every_direct_dependency_has_its_reason() -> None:
    assert listed("requirements.txt") == required("requirements.txt")
    assert listed("requirements-dev.txt") == required("requirements-dev.txt")
    package = json.loads((REPOSITORY / "package.json").read_text("utf-8"))
    assert listed("package.json") == {*package.get("dependencies", {}), *package.get("devDependencies", {})}


def test_the_map_of_the_house_names_every_part() -> None:
    readme = (REPOSITORY / "README.md").read_text("utf-8")
    parts = {file.parent.name for file in REPOSITORY.glob("*/__init__.py")} | {"infra", "docs", "scripts", "local"}
    assert {part for part in parts if f"`{part}/" not in readme} == set()


def test_the_profile_of_the_example_fits() -> None:
    page = (DOCS / "how-to" / "write-a-profile.md").read_text("utf-8")
    (text,) = re.findall(r"^```yaml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert set(parse_profile(text, "example").objects) == {"patient", "appointment"}
