"""Writes the ``*.json`` beside this file: the standard tables, from metadata dumps and ``tables.txt``.

Run once, when a fact changes: ``python -m local.dataverse.metadata.derive DIR`` where DIR holds the entity metadata of
contact, account and annotation as JSON (see README.md for where they come from). The simulator itself reads only the
JSON that is committed.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

from local.dataverse.model import Column, Option, Relationship, Table, table_to_json

HERE = Path(__file__).parent
#: Columns that optional first-party apps and portals add; a plain environment has none of them.
_APP_PREFIXES = ("adx_", "msa_", "msdyn_", "mspp_")
#: Platform defaults that the dumps do not carry.
_DEFAULTS: dict[str, int | bool] = {"followemail": True, "preferredcontactmethodcode": 1}
_NO_API = {"dummyfilename", "dummyregarding", "filepointer", "storagepointer", "isprivate", "prefix", "isautocreate"}
_LEFT_OUT = {"entityimageid", "parentcontactid"}  # images are not kept; a read-only roll-up

#: (schema, referenced, referencing, column, nav, collection, delete): delete behaviour by Microsoft's table reference.
RELATIONSHIPS = [
    ("contact_customer_accounts", "account", "contact", "parentcustomerid", "parentcustomerid_account",
     "contact_customer_accounts", "Cascade"),
    ("contact_customer_contacts", "contact", "contact", "parentcustomerid", "parentcustomerid_contact",
     "contact_customer_contacts", "Cascade"),
    ("contact_master_contact", "contact", "contact", "masterid", "masterid", "contact_master_contact", "NoCascade"),
    ("account_master_account", "account", "account", "masterid", "masterid", "account_master_account", "NoCascade"),
    ("account_parent_account", "account", "account", "parentaccountid", "parentaccountid",
     "account_parent_account", "RemoveLink"),
    ("account_primary_contact", "contact", "account", "primarycontactid", "primarycontactid",
     "account_primary_contact", "RemoveLink"),
    ("opportunity_customer_accounts", "account", "opportunity", "customerid", "customerid_account",
     "opportunity_customer_accounts", "Cascade"),
    ("opportunity_customer_contacts", "contact", "opportunity", "customerid", "customerid_contact",
     "opportunity_customer_contacts", "Cascade"),
    ("opportunity_parent_account", "account", "opportunity", "parentaccountid", "parentaccountid",
     "opportunity_parent_account", "RemoveLink"),
    ("opportunity_parent_contact", "contact", "opportunity", "parentcontactid", "parentcontactid",
     "opportunity_parent_contact", "RemoveLink"),
    ("Opportunity_OpportunityClose", "opportunity", "opportunityclose", "opportunityid", "opportunityid",
     "Opportunity_OpportunityClose", "Cascade"),
]  # fmt: skip
_PARTIES = ("RequiredAttendees", "OptionalAttendees", "Organizer")
_REGARDING = {"task": "Tasks", "appointment": "Appointments"}
_NOTED = {"account": "Account", "contact": "Contact", "opportunity": "Opportunity", "task": "Task",
          "appointment": "Appointment", "opportunityclose": "OpportunityClose"}  # fmt: skip


def main(dumps: Path) -> None:
    tables = {name: _from_dump(json.loads((dumps / f"{name}.json").read_text())) for name in _DUMPED}
    for table in _from_text((HERE / "tables.txt").read_text()):
        tables[table.name] = table
    _relate(tables)
    for table in tables.values():
        document = json.dumps(table_to_json(table), ensure_ascii=False)
        lines = re.sub(r'(?<=[\]}]), (?=\{"name"|\{"schema")', ",\n  ", document)
        (HERE / f"{table.name}.json").write_text(lines + "\n")


_DUMPED = ("contact", "account", "annotation")


def _from_dump(dump: dict[str, Any]) -> Table:
    name = dump["LogicalName"]
    table = Table(
        name, dump["SchemaName"], dump["EntitySetName"], dump["PrimaryIdAttribute"], dump["PrimaryNameAttribute"],
        label=dump["SchemaName"], plural=dump["EntitySetName"].capitalize(), code=int(dump["ObjectTypeCode"]),
        notes=name != "annotation", activities=name != "annotation", bulk=name != "annotation",
    )  # fmt: skip
    for item in dump["Attributes"]:
        if item.get("AttributeOf") or item["type"] == "Virtual" or item["name"].startswith(_APP_PREFIXES):
            continue
        if item["name"] in _NO_API or item["name"] in _LEFT_OUT or item["name"].endswith("externalparty"):
            continue
        table.add(_dump_column(item))
    if name == "annotation":
        table.columns["objectid"].targets = list(_NOTED)
        table.columns["isdocument"].default = False
    return table


def _dump_column(item: dict[str, Any]) -> Column:
    kind = item["type"]
    options = [_option(kind, *pair) for pair in item.get("Options", [])] if kind != "Boolean" else []
    default: int | bool | None = _DEFAULTS.get(item["name"], False if kind == "Boolean" else None)
    number = kind in ("Integer", "Decimal", "Double", "Money")
    return Column(
        item["name"], item["schema"], kind, item["create"] == "true", item["update"] == "true",
        item["read"] == "true", item["required"],
        max_length=int(item["MaxLength"]) if kind in ("String", "Memo") else None,
        minimum=float(item["MinValue"]) if number else None,
        maximum=float(item["MaxValue"]) if number else None,
        precision=int(item["Precision"]) if number and "Precision" in item else None,
        format=item.get("Format") if kind in ("String", "Memo", "DateTime") else None,
        behavior=item.get("DateTimeBehavior"), options=options, targets=item.get("Targets", []), default=default,
        label=item["schema"],
    )  # fmt: skip


def _option(kind: str, value: str, label: str, extra: str | None = None) -> Option:
    option = Option(int(value), label)
    if kind == "Status" and extra is not None:
        option.state = int(extra)
    if kind == "State":
        option.default_status = int(value) + 1  # contact and account: Active has 1, Inactive has 2
    return option


def _from_text(text: str) -> list[Table]:
    tables: list[Table] = []
    blocks: dict[str, list[str]] = {}
    bodies: list[tuple[Table, list[str]]] = []
    lines: list[str] = []
    for line in (raw.strip() for raw in text.splitlines()):
        if not line or line.startswith("#"):
            continue
        if line.startswith("table "):
            _, name, schema, set_name, identity, primary, code, *flags = line.split()
            table = Table(
                name, schema, set_name, identity, None if primary == "-" else primary,
                label=schema, plural=set_name.capitalize(), code=int(code),
                ownership="OrganizationOwned" if "org" in flags else "UserOwned", activity="activity" in flags,
                notes="notes" in flags, activities="activities" in flags, bulk="nobulk" not in flags,
                system="system" in flags,
            )  # fmt: skip
            lines = []
            bodies.append((table, lines))
        elif line.startswith("block "):
            lines = blocks[line.split()[1]] = []
        else:
            lines.append(line)
    for table, body in bodies:
        schema = table.schema + "Id" if not table.activity else "ActivityId"
        table.add(Column(table.id_column, schema, "Uniqueidentifier", update=False, required="SystemRequired"))
        for line in _expand(body, blocks):
            table.add(_text_column(line))
        tables.append(table)
    return tables


def _expand(lines: list[str], blocks: dict[str, list[str]]) -> list[str]:
    result: list[str] = []
    for line in lines:
        result += _expand(blocks[line[1:]], blocks) if line.startswith("@") else [line]
    return result


def _text_column(line: str) -> Column:
    listed = re.search(r"-?\d+(/\d+)?=.*$", re.sub(r"(default|precision)=\S+", lambda m: "~" * len(m[0]), line))
    choices = line[listed.start() :] if listed else ""
    schema, kind, *words = line[: listed.start() if listed else None].split()
    column = Column(schema.lower(), schema, kind, label=schema)
    for word in words:
        _apply(column, word)
    column.options = [_listed(kind, item.strip()) for item in re.split(r",\s+(?=\d)", choices)] if choices else []
    if kind == "State":
        column.create, column.required = False, "SystemRequired"
    if kind == "DateTime":
        column.behavior = column.behavior or "UserLocal"
        column.format = column.format or "DateAndTime"
    return column


def _apply(column: Column, word: str) -> None:
    if word == "c":
        column.update = False
    elif word == "u":
        column.create = False
    elif word == "r":
        column.create = column.update = False
    elif word == "req":
        column.required = "SystemRequired"
    elif word == "app":
        column.required = "ApplicationRequired"
    elif word == "date":
        column.format = "DateOnly"
    elif word == "dateonly":
        column.format = column.behavior = "DateOnly"
    elif word.startswith("precision="):
        column.precision = int(word[10:])
    elif word.startswith("default="):
        value = int(word[8:])
        column.default = bool(value) if column.type == "Boolean" else value
    elif ".." in word:
        low, high = word.split("..")
        column.minimum, column.maximum = float(low), float(high)
    elif word.isdigit():
        column.max_length = int(word)
    else:
        column.targets = word.split(",")


def _listed(kind: str, item: str) -> Option:
    value, label = item.split("=", 1)
    number, _, extra = value.partition("/")
    state = int(extra) if kind == "Status" else None
    return Option(int(number), label, state=state, default_status=int(extra) if kind == "State" else None)


def _relate(tables: dict[str, Table]) -> None:
    for schema, referenced, referencing, column, nav, collection, delete in RELATIONSHIPS:
        if column in tables[referencing].columns:
            tables[referencing].relationships.append(
                Relationship(schema, referenced, referencing, column, nav, collection, delete)
            )
    for name, plural in _REGARDING.items():
        for target in ("account", "contact", "opportunity"):
            schema = f"{tables[target].schema}_{plural}"
            nav = f"regardingobjectid_{target}_{name}"
            tables[name].relationships.append(
                Relationship(schema, target, name, "regardingobjectid", nav, schema, "Cascade")
            )
    for target, prefix in _NOTED.items():
        schema = f"{prefix}_Annotation"
        tables["annotation"].relationships.append(
            Relationship(schema, target, "annotation", "objectid", f"objectid_{target}", schema, "Cascade")
        )
    _relate_parties(tables)
    for table in tables.values():
        _relate_rest(table, tables)


def _relate_parties(tables: dict[str, Table]) -> None:
    party = tables["activityparty"]
    for name in _PARTIES:
        # Metadata only: the Web API writes them as activity parties and has no property of the name.
        tables["appointment"].add(Column(name.lower(), name, "PartyList", read=False, label=name))
    for target in party.columns["partyid"].targets:
        schema = f"{target}_activity_parties"
        party.relationships.append(
            Relationship(schema, target, "activityparty", "partyid", f"partyid_{target}", schema, "RemoveLink")
        )
    for target in party.columns["activityid"].targets:
        schema = f"{target}_activity_parties"
        party.relationships.append(
            Relationship(schema, target, "activityparty", "activityid", f"activityid_{target}", schema, "Cascade")
        )


def _relate_rest(table: Table, tables: dict[str, Table]) -> None:
    """The lookups to users, currencies and the like: none of them cascades."""
    known = {r.column for r in table.relationships}
    for column in table.columns.values():
        if not column.is_lookup or column.name in known:
            continue
        suffix = f"_{table.name}" if table.activity and column.name != "ownerid" else ""
        for target in column.targets:
            if target not in tables or (column.type == "Owner" and target == "team"):
                continue
            referenced = "owner" if column.type == "Owner" else target
            schema = f"{referenced}_{table.name}_{column.name}"
            nav = column.name if column.name == "opportunityid" else column.name + suffix
            table.relationships.append(
                Relationship(schema, referenced, table.name, column.name, nav, schema, "NoCascade")
            )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
