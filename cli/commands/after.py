"""Commands for a migration that runs or has run: watching, mending, verifying, taking back, closing."""

import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.markup import escape

from cli import place, reports
from cli.errors import DONE, FAILED, misuse, refused
from cli.flow import paused_at
from cli.listing import LimitOption, ObjectOption, SinceOption, newer
from cli.output import size, table, words
from cli.runs import follow
from cli.session import (
    ByOption,
    JsonFlag,
    MigrationOption,
    PauseOption,
    Session,
    TargetOption,
    YesFlag,
    session,
)
from cli.shown import exit_code, show_causes, show_document, show_objects, show_places, show_report, show_rows

app = typer.Typer()
audit_app = typer.Typer(invoke_without_command=True, help="The audit log: check its chains, or export it.")
app.add_typer(audit_app, name="audit")


@app.command()
def status(
    migration: MigrationOption = None,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Stay until the active run has ended.")] = False,
    since: SinceOption = None,
    limit: LimitOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Show where a migration stands, its runs and what can be done next. --since and --limit choose from the runs."""
    with session(as_json, migration) as s:
        found = s.migration()
        if watch and (active := found.get("active_run")):
            s.ended(follow(s.api, s.out, s.id, str(active)))
            return
        found["runs"] = newer(found["runs"], "started", since)[-(limit or 0) :]  # the latest are last
        _show_migration(s, found)
        s.out.document(found)


def _show_migration(s: Session, found: dict[str, Any]) -> None:
    s.out.say(
        f"[name]{found['id']}[/name]  {escape(str(found['system']))}  [step]{escape(words(found['state']))}[/step]"
    )
    for label, key in (("target", "target_name"), ("confirmed by", "confirmed_by"), ("signed by", "signed_by")):
        if found.get(key):
            s.out.plain(f"{label:<13} {found[key]}", style="quiet")
    if found.get("undo_until"):
        s.out.plain(f"{'undo until':<13} {found['undo_until']}", style="quiet")
    runs = found.get("runs") or []
    if runs:
        made = table("run", "state", "seconds", "by", "message", numbers=("seconds",))
        made.columns[0].no_wrap = True  # an id is there to be copied
        for run in runs:
            style = {"failed": "bad", "paused": "warn", "running": "step"}.get(run["state"], "good")
            made.add_row(
                ("  " if run.get("parent") else "") + run["id"],
                f"[{style}]{run['state']}[/]",
                _lasted(run),
                escape(str(run.get("by") or "")),
                escape(str(run.get("message") or "")),
            )
        s.out.show(made)
    for following in found.get("next") or []:
        s.out.say(f"[quiet]Next:[/quiet] [name]{following['step']}[/name]  [quiet]{following.get('why', '')}[/quiet]")


def _lasted(run: dict[str, Any]) -> str:
    try:
        lasted = datetime.fromisoformat(run["ended"]) - datetime.fromisoformat(run["started"])
    except (KeyError, TypeError, ValueError):
        return ""
    return f"{lasted.total_seconds():.1f}"


@app.command()
def stop(migration: MigrationOption = None, by: ByOption = None, as_json: JsonFlag = False) -> None:
    """Stop the active run after the batches under way. What was finished is kept, and the same step goes on from there."""
    with session(as_json, migration) as s:
        active = s.migration().get("active_run")
        if not active:
            raise refused("No run is active.", "./carryover status")
        s.api.post(s.path("runs", str(active), "stop"), {"by": by or place.operator()})
        run = follow(s.api, s.out, s.id, str(active))
        s.out.plain(f"{active} is {run['state']}. {run['message']}")
        s.hint()
        s.out.document(run, rows=())


@app.command()
def retry(
    migration: MigrationOption = None,
    target: TargetOption = None,
    pause_percent: PauseOption = None,
    object: Annotated[
        list[str] | None, typer.Option("--object", help="Only exceptions of this object; may be repeated.")
    ] = None,
    cause: Annotated[
        list[str] | None,
        typer.Option("--cause", help="Only those of this cause, as exceptions names it; may be repeated."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Take up again what was excepted or not reached; or only what was excepted of an object, or for a cause."""
    with session(as_json, migration) as s:
        chosen = {"objects": object, "causes": cause}
        options = {"target": s.typed_target(target)} | {name: some for name, some in chosen.items() if some}
        s.step("retry", options | paused_at(pause_percent))


@app.command()
def delta(
    pause_percent: PauseOption = None,
    shut: Annotated[bool, typer.Option("--shut", help="Bring nothing: end the delta window now.")] = False,
    migration: MigrationOption = None,
    by: ByOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Read the source again and bring what changed since; or end the delta window before its time."""
    with session(as_json, migration) as s:
        who = by or place.operator()
        if not shut:
            s.step("delta", {"by": who} | paused_at(pause_percent))
            return
        answer = s.api.post(s.path("delta", "shut"), {"by": who})
        s.out.say(f"[good]✓[/good] The delta window is shut by [name]{escape(who)}[/name].")
        s.hint()
        s.out.document(answer)


@app.command()
def verify(migration: MigrationOption = None, as_json: JsonFlag = False) -> None:
    """Read every field of every record back and compare it. Ends with 4 when something is excepted or differs."""
    with session(as_json, migration) as s:
        run = s.start("verify")
        if run["state"] != "done":
            s.ended(run)
        summary = s.api.get(s.path("summary"))
        show_objects(s.out, summary)
        s.hint()
        s.out.document(summary)
        if code := exit_code(summary):
            raise typer.Exit(code)


@app.command()
def rollback(
    migration: MigrationOption = None,
    preview: Annotated[bool, typer.Option("--preview", help="Say what would be undone; write nothing.")] = False,
    run: Annotated[
        str, typer.Option("--run", metavar="all|last|RUN", help="All runs, the last one alone, or one by its id.")
    ] = "all",
    with_later: Annotated[
        bool, typer.Option("--with-later", help="Take back what came after the run of --run, too.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Also take back what others changed since.")] = False,
    remove_solution: Annotated[
        bool, typer.Option("--remove-solution", help="Also remove tables and columns that hold nothing afterwards.")
    ] = False,
    target: TargetOption = None,
    yes: YesFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Delete what was created and restore what was changed, from the audit log.

    --yes alone is enough on this machine's simulator; elsewhere the target is named, too.
    """
    with session(as_json, migration) as s:
        what = {"all": "everything that was written", "last": "the last run"}.get(run, run)
        what += " and all that came after it" if with_later else ""
        what += ", with the tables and columns of the solution that hold nothing then," if remove_solution else ""
        s.agreed(f"Take back {what} in {s.id}?", yes or preview, refused("Nothing was taken back."))
        if yes and not preview and not place.is_trial() and s.typed_target(target) != s.migration()["target_name"]:
            raise refused("That is not the target's name. Nothing was taken back.", "./carryover status")
        options = {
            "runs": run,
            "later": with_later,
            "force": force,
            "preview": preview,
            "remove_solution": remove_solution,
        }
        if preview:
            foreseen = s.api.post(s.path("steps", "rollback"), options)
            show_document(s.out, foreseen)
            s.out.document(foreseen)
            return
        ended = s.start("rollback", options)
        known = {made["name"] for made in reports.listed(s.api, s.id)}
        if ended["state"] == "done" and "rollback" in known:
            show_report(s.out, s.api.get(s.path("reports", "rollback.json")))
        s.ended(ended)


@audit_app.callback()
def audit(context: typer.Context, migration: MigrationOption = None, as_json: JsonFlag = False) -> None:
    """The audit log: check its chains (the default), or export it."""
    if context.invoked_subcommand is None:
        _verify_audit(migration, as_json)


@audit_app.command("verify")
def audit_verify(migration: MigrationOption = None, as_json: JsonFlag = False) -> None:
    """Check every chain of the log against itself and the manifests. Ends with 1 when something was tampered with."""
    _verify_audit(migration, as_json)


def _verify_audit(migration: str | None, as_json: bool) -> None:
    with session(as_json, migration) as s:
        document: dict[str, Any] = {"whole": True, "rows": 0, "partitions": 0, "findings": []}
        onward: str | None = None
        while onward != "":
            part = s.api.get(s.path("audit", "verify"), after=onward)
            onward = part["onward"]
            document["whole"] &= part["whole"]
            for figure in ("rows", "partitions", "findings"):
                document[figure] += part[figure]
        findings = document["findings"]
        if findings:
            show_rows(s.out, findings)
            s.out.say(f"[bad]{len(findings):,} findings: the log is not what was written.[/bad]")
        else:
            s.out.say("[good]✓[/good] The audit log is whole.")
        s.out.document(document)
        if findings:
            raise typer.Exit(FAILED)


@audit_app.command("export")
def audit_export(
    migration: MigrationOption = None,
    format: Annotated[Literal["ndjson", "csv"], typer.Option("--format", help="Form of the export.")] = "ndjson",
    out: Annotated[Path | None, typer.Option("--out", help="A file, or - for stdout.", show_default="reports")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Export the audit log, and beside it the manifest that it is checked against."""
    with session(as_json, migration) as s:
        if str(out) == "-":
            if as_json:
                raise misuse("--json and --out - both want stdout.", "Leave one of them out.")
            for piece in s.api.pieces(s.path("audit"), format=format):
                sys.stdout.buffer.write(piece)
            return
        target = out or reports.reports_folder(s.id) / f"audit.{format}"
        octets = s.api.download(s.path("audit"), target, format=format)
        s.out.plain(f"{target}  {size(octets)}")
        manifest = target.with_name("manifest.ndjson")
        s.out.plain(f"{manifest}  {size(s.api.download(s.path('audit', 'manifest'), manifest))}")
        s.out.document({"path": str(target), "bytes": octets, "format": format, "manifest": str(manifest)})


@app.command()
def exceptions(
    migration: MigrationOption = None,
    object: ObjectOption = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many.")] = 200,
    as_json: JsonFlag = False,
) -> None:
    """List what was excepted: by cause, and record by record."""
    with session(as_json, migration) as s:
        causes = [one for one in s.api.get(s.path("exceptions", "causes"))["causes"] if object in (None, one["object"])]
        found: list[dict[str, Any]] = []
        total = 0
        while len(found) < limit:
            page = s.api.get(s.path("exceptions"), object=object, offset=len(found))
            rows = page["exceptions"]
            found += rows
            total = int(page.get("total") or len(found))
            if not rows or len(found) >= total:
                break
        found = found[:limit]
        if found:
            show_causes(s.out, causes)
            show_rows(s.out, found)
            s.out.say("[quiet]The whole list: ./carryover report exceptions[/quiet]")
        else:
            s.out.say("[good]✓[/good] Nothing was excepted.")
        s.out.document({"causes": causes, "exceptions": found, "total": max(total, len(found))}, found)


@app.command()
def report(
    name: Annotated[str | None, typer.Argument(help="One report; without it, all of them.", show_default=False)] = None,
    migration: MigrationOption = None,
    format: Annotated[
        Literal["html", "pdf", "csv", "json"] | None,
        typer.Option("--format", help="One form only; evidence alone has a PDF."),
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="A folder.", show_default=".local/reports/ID")] = None,
    reveal: reports.RevealOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Bring the reports and the latest claims export to this machine and say where they are.

    The report evidence is for filing and for auditors: what was decided, done, compared and taken back, and a check of the
    audit log made for it.

    The claims, their lines, payments and adjustments, and raw billing files go into a folder of their own: as CSV and
    JSON, with a manifest. Their name among the reports is claims; all values of patients, they come with --reveal only.
    """
    with session(as_json, migration) as s:
        revealed = reports.revealing(reveal)
        places = reports.fetch(s.api, s.id, out or reports.reports_folder(s.id), name, format, revealed)
        if places:
            show_places(s.out, places)
        else:
            s.out.say("There is no report yet.")
            s.hint()
        s.out.document({"reports": {key: str(value) for key, value in places.items()}})


@app.command()
def accept(
    migration: MigrationOption = None, by: ByOption = None, yes: YesFlag = False, as_json: JsonFlag = False
) -> None:
    """Accept the differences that the last verification found."""
    with session(as_json, migration) as s:
        who = by or place.operator()
        no = refused("Not accepted.", "./carryover report reconciliation")
        s.agreed(f"Accept the differences as {who}?", yes, no)
        answer = s.api.post(s.path("accept"), {"by": who})
        s.out.say(f"[good]✓[/good] Accepted by [name]{escape(who)}[/name].")
        s.hint()
        s.out.document(answer)


@app.command()
def close(
    migration: MigrationOption = None,
    by: ByOption = None,
    typed: Annotated[str | None, typer.Option("--typed", help="The migration's id, typed by you.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """End a migration. After that it cannot be rolled back."""
    with session(as_json, migration) as s:
        if typed is None:
            if not s.out.asks:
                raise misuse("Closing ends the way back, so it is typed.", f"--typed {s.id}")
            s.out.say("After closing, nothing can be taken back any more.")
            typed = typer.prompt("Type the migration's id to close it", err=True)
        answer = s.api.post(s.path("close"), {"by": by or place.operator(), "typed": typed})
        s.out.say(f"[good]✓[/good] {s.id} is closed.")
        s.out.document(answer if answer is not None else {"migration": s.id, "state": "closed"})
        raise typer.Exit(DONE)
