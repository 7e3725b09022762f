"""Texts: kept as they are but for white space around them, and refused rather than cut."""

import html
import re
from html.parser import HTMLParser
from typing import Any, Final

import orjson

from mapping.transforms.base import NOTHING, TEXTS, BadArgs, Ctx, Refused, Transform, as_text, fit, loses_all


def _text(value: Any, ctx: Ctx) -> str | None:
    if isinstance(value, list):
        return fit(_between_entries(ctx).join(_parts(value)), ctx.column)
    return fit(as_text(value), ctx.column)


def _between_entries(ctx: Ctx) -> str:
    return str(ctx.args.get("separator", "; "))


def _text_loses(value: Any, ctx: Ctx) -> frozenset[str]:
    return _loses_ends(_parts(value), _between_entries(ctx)) if isinstance(value, list) else NOTHING


def _loses_ends(parts: list[str], separator: str) -> frozenset[str]:
    """Parts that hold what was put between them cannot be told apart any more."""
    apart = len(parts) < 2 or (separator and not any(separator in part for part in parts))
    return NOTHING if apart else frozenset({"where each part ends"})


#: What stands in a text column in place of a value that a person had redacted.
REDACTED: Final = "[redacted]"


def _redacted(value: Any, ctx: Ctx) -> str | None:
    """The mark in a column of text, nothing in any other."""
    return REDACTED if ctx.column is not None and ctx.column.type in TEXTS else None


_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+")


def _email(value: Any, ctx: Ctx) -> str | None:
    text = as_text(value)
    if text and not _EMAIL.fullmatch(text):
        raise Refused("bad_email", "The value is not one e-mail address.")
    return fit(text, ctx.column)


def _npi(value: Any, ctx: Ctx) -> str | None:
    text = as_text(value)
    if text and not is_npi(text):
        raise Refused("bad_npi", "The value is not a National Provider Identifier: ten digits with a check digit.")
    return fit(text, ctx.column)


def is_npi(text: str) -> bool:
    """True for ten digits whose last is the Luhn check digit over 80840 + the first nine (CMS, 45 CFR 162.408)."""
    if len(text) != 10 or not (text.isascii() and text.isdigit()):
        return False
    total = 24  # what the constant prefix 80840 adds
    for place, digit in enumerate(reversed(text)):
        number = int(digit) * (2 if place % 2 else 1)
        total += number - 9 if number > 9 else number
    return total % 10 == 0


def _parts(values: Any) -> list[str]:
    return [text for value in values if (text := as_text(value))]


def _join(values: Any, ctx: Ctx) -> str | None:
    return fit(_between_fields(ctx).join(_parts(values)), ctx.column)


def _between_fields(ctx: Ctx) -> str:
    return str(ctx.args.get("separator", " "))


def _join_loses(values: Any, ctx: Ctx) -> frozenset[str]:
    return _loses_ends(_parts(values), _between_fields(ctx))


def _first_of(values: Any, ctx: Ctx) -> str | None:
    return fit(next(iter(_parts(values)), ""), ctx.column)


def _first_of_loses(values: Any, ctx: Ctx) -> frozenset[str]:
    return frozenset({"the other fields"}) if len({*_parts(values)}) > 1 else NOTHING


def _lines(value: Any, ctx: Ctx) -> str | None:
    """A list (or a JSON list as text) to one line an entry; objects by ``keys``, in that order."""
    entries = from_json_text(value)
    if not isinstance(entries, list):
        entries = [entries]
    keys: list[str] | None = ctx.args.get("keys")
    separator = str(ctx.args.get("separator", ", "))
    lines = []
    for entry in entries:
        if isinstance(entry, dict):
            cells = [entry.get(key) for key in keys] if keys else list(entry.values())
            entry = separator.join(_parts(cells))
        if line := as_text(entry):
            lines.append(line)
    return fit("\n".join(lines), ctx.column)


def _lines_lose(value: Any, ctx: Ctx) -> frozenset[str]:
    """What entries hold beside the keys that are asked for."""
    entries = from_json_text(value)
    keys = ctx.args.get("keys")
    others = (
        held
        for entry in (entries if isinstance(entries, list) else [entries])
        if keys and isinstance(entry, dict)
        for key, held in entry.items()
        if key not in keys
    )
    return NOTHING if all(held in (None, "", [], {}) for held in others) else frozenset({"other parts of an entry"})


def _json_text(value: Any, ctx: Ctx) -> str | None:
    value = from_json_text(value)
    if isinstance(value, str):
        return fit(value.strip(), ctx.column)
    return fit(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode(), ctx.column)


def from_json_text(value: Any) -> Any:
    """Nested values arrive as lists and objects, or as their JSON text; anything else is itself."""
    if isinstance(value, str) and value.lstrip()[:1] in ("[", "{"):
        try:
            return orjson.loads(value)
        except orjson.JSONDecodeError:
            return value
    return value


_BLOCKS: Final = frozenset(
    [
        "address",
        "article",
        "blockquote",
        "br",
        "div",
        "dl",
        "dt",
        "dd",
        "fieldset",
        "footer",
        "form",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hr",
        "li",
        "ol",
        "p",
        "pre",
        "section",
        "table",
        "tr",
        "ul",
    ]
)
_HIDDEN: Final = frozenset(("script", "style", "head", "title"))
_SPACES: Final = re.compile(r"[ \t\r\n\f\v\xa0]+")


class _Plain(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.lines: list[str] = [""]
        self.hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _HIDDEN:
            self.hidden += 1
        elif tag in _BLOCKS:
            self.lines.append("- " if tag == "li" else "")
        elif tag in ("td", "th"):
            self.lines[-1] += " "

    def handle_endtag(self, tag: str) -> None:
        if tag in _HIDDEN:
            self.hidden = max(0, self.hidden - 1)
        elif tag in _BLOCKS:
            self.lines.append("")

    def handle_data(self, data: str) -> None:
        if not self.hidden:
            self.lines[-1] += _SPACES.sub(" ", data)


def _html_to_text(value: Any, ctx: Ctx) -> str | None:
    return fit(html_to_text(as_text(value)), ctx.column)


def _html_loses(value: Any, ctx: Ctx) -> frozenset[str]:
    return frozenset({"markup"}) if "<" in as_text(value) else NOTHING


def html_to_text(text: str) -> str:
    """Readable text of an HTML fragment: blocks become lines, list entries get a dash, scripts and styles vanish.

    Text without tags keeps its own line breaks; its entities are resolved.
    """
    if "<" not in text:
        return html.unescape(text) if "&" in text else text
    parser = _Plain()
    parser.feed(text)
    parser.close()
    return "\n".join(line for part in parser.lines if (line := _SPACES.sub(" ", part).strip()) and line != "-")


_TITLES: Final = frozenset(["mr", "mrs", "ms", "miss", "mx", "dr", "prof", "rev"])
_SUFFIXES: Final = frozenset(
    [
        "jr",
        "sr",
        "ii",
        "iii",
        "iv",
        "md",
        "do",
        "dds",
        "dmd",
        "phd",
        "np",
        "pa",
        "rn",
        "lpn",
        "pt",
        "dpt",
        "rph",
        "pharmd",
        "od",
        "dc",
        "lcsw",
        "psyd",
        "fnp",
        "cnm",
        "mph",
    ]
)
NAME_PARTS: Final = ("salutation", "first", "middle", "last", "suffix")


def split_name(text: str) -> dict[str, str]:
    """The parts of a name in one cell: "Dr. Ann B. Lee, MD" or "Lee, Ann B." (a comma: last name first).

    Without a comma the first word is the first name, the last word the last name, what is between the middle name;
    one word alone is a last name.
    """
    parts = dict.fromkeys(NAME_PARTS, "")
    pieces = [piece.split() for piece in text.split(",")]
    pieces = [piece for piece in pieces if piece]
    suffixes: list[str] = []
    while len(pieces) > 1 and all(_key(word) in _SUFFIXES for word in pieces[-1]):
        suffixes[:0] = pieces.pop()
    last_first = len(pieces) > 1
    words = [word for piece in pieces[1:] for word in piece] if last_first else (pieces[0] if pieces else [])
    family = pieces[0] if last_first else []
    if words and _key(words[0]) in _TITLES and (len(words) > 1 or last_first):
        parts["salutation"] = words.pop(0)
    for tail in (words, family):
        while len(tail) > 1 and _key(tail[-1]) in _SUFFIXES:
            suffixes.insert(0, tail.pop())
    if not last_first:
        family = words[-1:]
        words = words[:-1]
    parts["first"] = words[0] if words else ""
    parts["middle"] = " ".join(words[1:])
    parts["last"] = " ".join(family)
    parts["suffix"] = " ".join(suffixes)
    return parts


def _key(word: str) -> str:
    return word.replace(".", "").lower()


def _name_part(value: Any, ctx: Ctx) -> str | None:
    return fit(split_name(as_text(value))[ctx.state], ctx.column)


def _name_part_loses(value: Any, ctx: Ctx) -> frozenset[str]:
    """The other parts, whether or not further fields bring them."""
    parts = split_name(as_text(value))
    return frozenset(f"{part} part of the name" for part in NAME_PARTS if part != ctx.state and parts[part])


def _check_part(ctx: Ctx) -> str:
    part = ctx.args.get("part")
    if part not in NAME_PARTS:
        raise BadArgs(f"name_part needs part: one of {', '.join(NAME_PARTS)}")
    return str(part)


_FIELDS: Final = {"fields": "list of further source fields, read after the field's own source"}
_SEPARATOR: Final = {"separator": "text put between the parts"}

TRANSFORMS: Final = (
    Transform(
        "text",
        "The text, trimmed. Lists are joined with '; '. Too long or with control characters: refused.",
        _text,
        TEXTS,
        _SEPARATOR,
        loses=_text_loses,
    ),
    Transform(
        "redacted",
        "The mark [redacted] in a column of text, nothing in any other: the value stays behind.",
        _redacted,
        frozenset(),
        loses=loses_all,
    ),
    Transform(
        "identifier",
        "An identifier, trimmed and otherwise untouched: leading zeros and dashes stay.",
        _text,
        TEXTS,
        loses=_text_loses,
    ),
    Transform(
        "phone",
        "A phone number as the source wrote it; never reformatted, refused when too long.",
        _text,
        TEXTS,
        loses=_text_loses,
    ),
    Transform("zip", "A ZIP or postal code as text: leading zeros stay.", _text, TEXTS, loses=_text_loses),
    Transform("email", "One e-mail address; anything else is refused.", _email, TEXTS),
    Transform("npi", "A National Provider Identifier; refused when its check digit is wrong.", _npi, TEXTS),
    Transform(
        "html_to_text",
        "HTML to readable text: blocks to lines, entities resolved, scripts dropped.",
        _html_to_text,
        TEXTS,
        loses=_html_loses,
    ),
    Transform(
        "lines",
        "A list to one line an entry; the entries of a list of objects by their keys.",
        _lines,
        TEXTS,
        {"keys": "the keys of each entry, in order", **_SEPARATOR},
        loses=_lines_lose,
    ),
    Transform(
        "join",
        "Several source fields joined, empty ones left out.",
        _join,
        TEXTS,
        {**_FIELDS, **_SEPARATOR},
        several=True,
        loses=_join_loses,
    ),
    Transform(
        "first_of",
        "The first of several source fields that is not empty.",
        _first_of,
        TEXTS,
        _FIELDS,
        several=True,
        loses=_first_of_loses,
    ),
    Transform("json_text", "A nested value as indented JSON text.", _json_text, TEXTS),
    Transform(
        "name_part",
        "One part of a name that the source keeps in one cell.",
        _name_part,
        TEXTS,
        {"part": "salutation, first, middle, last or suffix"},
        prepare=_check_part,
        loses=_name_part_loses,
    ),
)
