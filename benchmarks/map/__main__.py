"""``python -m benchmarks.map``: how good proposals are, per system, beside plain likeness of names."""

import argparse
import json
import sys
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.map.fit import left_out
from benchmarks.map.gold import also_systems, gold_systems, held_out_systems
from benchmarks.map.omop import PUBLISHED, Hits, omop_hits
from benchmarks.map.score import Score, score


def main(arguments: list[str] | None = None) -> int:
    """Scores every system and prints tables, or one JSON document."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.map", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    options = parser.parse_args(arguments)
    systems = gold_systems()
    if not systems:
        print(
            "The shared data is absent (CARRYOVER_SHARED_DATA): only the held-out systems are scored.", file=sys.stderr
        )
    fitted_on = [*systems, *also_systems()]
    models = left_out(fitted_on)
    parts = {
        "as shipped": [score(one) for one in systems],
        "each system left out of the fit": [score(one, models[one.name]) for one in systems],
        "also: further systems, each left out of the fit": [score(one, models[one.name]) for one in also_systems()],
        "held out: nothing is fitted on these": [score(one) for one in held_out_systems()],
    }
    hits = omop_hits()
    if options.json:
        document: dict[str, Any] = {name: [one.plain() for one in part] for name, part in parts.items()}
        document["MIMIC to OMOP"] = asdict(hits) if hits else None
        print(json.dumps(document, indent=2))
        return 0
    console = Console(width=120)
    for name, part in parts.items():
        if part:
            console.print(_table(name, part))
    if hits:
        console.print(_hits(hits))
    return 0


def _table(name: str, scores: list[Score]) -> Table:
    table = Table(title=name, title_justify="left")
    for heading in (
        "system",
        "fields",
        "right",
        "in first 3",
        "above 0.9",
        "of these right",
        "names only",
        "in first 3",
        "objects",
    ):
        table.add_column(heading, justify="left" if heading == "system" else "right")
    for one in scores:
        table.add_row(one.system, str(one.pairs), *(f"{value:.1%}" for value in (
            one.at_1, one.at_3, one.sure, one.sure_right, one.baseline_at_1, one.baseline_at_3, one.objects
        )))  # fmt: skip
    total = sum(one.pairs for one in scores)

    def mean(values: list[float]) -> str:
        return f"{sum(value * one.pairs for value, one in zip(values, scores, strict=True)) / total:.1%}"

    sure = sum(one.sure * one.pairs for one in scores)
    right = sum(one.sure * one.pairs * one.sure_right for one in scores)
    table.add_section()
    table.add_row(
        "all", str(total), mean([one.at_1 for one in scores]), mean([one.at_3 for one in scores]),
        f"{sure / total:.1%}", f"{right / max(1.0, sure):.1%}", mean([one.baseline_at_1 for one in scores]),
        mean([one.baseline_at_3 for one in scores]), f"{sum(one.objects for one in scores) / len(scores):.1%}",
    )  # fmt: skip
    return table


def _hits(hits: Hits) -> Table:
    table = Table(title=f"MIMIC-III to OMOP, {hits.pairs} pairs", title_justify="left")
    for heading in ("", "hit@1", "hit@3", "hit@5"):
        table.add_column(heading, justify="right" if heading else "left")
    table.add_row("[bold]Carryover[/bold] (no language model, no training on it)", *(
        f"{value:.1%}" for value in (hits.at_1, hits.at_3, hits.at_5)
    ))  # fmt: skip
    table.add_section()
    for name, rates in PUBLISHED.items():
        table.add_row(name, *(f"{rate:.1f}%" for rate in rates), *["·"] * (3 - len(rates)))
    return table


if __name__ == "__main__":
    sys.exit(main())
