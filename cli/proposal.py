"""``map propose --schema``: a proposal from a schema alone, made here, since no app, source or target is needed for it."""

import json
from pathlib import Path
from typing import Any

from rich.markup import escape

from cli.errors import misuse
from cli.output import Out, counted, table, words
from mapping.matching.engine import propose
from mapping.matching.model import NONE, FieldProposal, Proposal
from mapping.matching.schema import BadSchema, read_schema

#: From here on a proposal is right nearly always; below, a person looks twice.
SURE, DOUBTFUL = 0.9, 0.6


def propose_from(path: Path, out: Out) -> None:
    """Reads a schema document and prints a home for every field of it. Raises CliError when it is no schema."""
    try:
        tables = read_schema(json.loads(path.read_text("utf-8-sig")))
    except OSError:
        raise misuse(f"{path} cannot be read.", "./carryover map propose --help") from None
    except (UnicodeDecodeError, json.JSONDecodeError):
        raise misuse(f"{path} is no JSON document.", "./carryover map propose --help") from None
    except BadSchema as error:
        raise misuse(str(error), "docs/reference/proposal.md") from None
    proposal = propose(tables)
    if not out.as_json:
        _show(proposal, out)
    out.document([_plain(field) for field in proposal.fields])


def _plain(field: FieldProposal) -> dict[str, Any]:
    return {
        "object": field.object,
        "source_field": field.source_field,
        "target_table": field.target_table,
        "target_column": field.target_column,
        "confidence": field.confidence,
        "reason": field.reason,
        "alternatives": [
            {
                "target_table": other.target_table,
                "target_column": other.target_column,
                "confidence": other.confidence,
            }
            for other in field.alternatives
        ],
    }


def _show(proposal: Proposal, out: Out) -> None:
    for taken in proposal.tables:
        fields = [one for one in proposal.fields if (one.table, one.object) == (taken.table, taken.object)]
        if not fields:
            continue
        role = words(taken.role)
        out.say(f"\n[name]{escape(taken.table)}[/name] → {words(taken.object or 'nothing')} ({role}: {taken.reason})")
        shown = table("field", "goes to", "sure", "reason", numbers=("sure",))
        for one in fields:
            shown.add_row(escape(one.column), *_home(one), escape(one.reason))
        out.show(shown)
    sure = sum(one.confidence >= SURE for one in proposal.fields)
    homes = sum(one.migrated for one in proposal.fields)
    out.say(
        f"\n{counted(len(proposal.fields), 'field')}: {homes:,} have a home, {len(proposal.fields) - homes:,} are not"
        f" migrated. Of {sure:,} it is sure; look at the others."
    )


def _home(field: FieldProposal) -> tuple[str, str]:
    style = "good" if field.confidence >= SURE else "warn" if field.confidence >= DOUBTFUL else "bad"
    home = "[quiet]none[/quiet]" if field.target_table == NONE else f"{field.target_table}.{field.target_column}"
    return home, f"[{style}]{field.confidence:.2f}[/{style}]"
