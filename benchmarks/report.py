"""The figures as tables for people and as a document for programs."""

from dataclasses import asdict
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from benchmarks.road import Figures
from benchmarks.stages import Stage

MEGABYTE: Final = 1024 * 1024


def document(figures: Figures) -> dict[str, Any]:
    """The figures as JSON: seconds, milliseconds of CPU time, megabytes."""
    return {
        "patients": figures.patients,
        "records": figures.records,
        "stages": {one.name: _stage(one) for one in figures.stages},
        "cpu_us_each": _split(figures),
        "peak_mb": {role: round(octets / MEGABYTE, 1) for role, octets in sorted(figures.peaks.items())},
        "seconds": figures.seconds,
    }


def _split(figures: Figures) -> dict[str, float]:
    """CPU time of a loaded record in two: its own way (and the halves of that), and the trail it leaves."""
    own = figures.own
    parts = {
        "record": figures.record_us,
        "record_map": own.map_us,
        "record_send": own.send_us,
        "trail": figures.trail_us,
    }
    return {name: round(value, 1) for name, value in parts.items()}


def _stage(one: Stage) -> dict[str, Any]:
    plain = {name: value for name, value in asdict(one).items() if name not in ("name", "worker_rss")}
    rounded = {name: round(value, 3) if isinstance(value, float) else value for name, value in plain.items()}
    return rounded | {
        "per_second": round(one.per_second, 1),
        "cpu_ms_each": round(one.cpu_ms, 4),
        "worker_mb": round(one.worker_rss / MEGABYTE, 1),
    }


def show(console: Console, figures: Figures) -> None:
    """The tables."""
    console.print(_speed(figures))
    console.print(
        f"CPU time of a loaded record: {figures.record_us:.0f} µs for itself ({figures.own.map_us:.0f} read and mapped, "
        f"{figures.own.send_us:.0f} built and parsed), {figures.trail_us:.0f} µs to do it once and on record.\n"
    )
    console.print(_memory(figures))


def _speed(figures: Figures) -> Table:
    made = Table(title=f"{figures.patients:,} patients, {figures.records:,} records")
    made.add_column("stage")
    made.add_column("of what")
    for heading in ("count", "seconds", "a second", "CPU ms each", "simulator", "Azurite", "worker MB"):
        made.add_column(heading, justify="right")
    for one in figures.stages:
        made.add_row(
            one.name,
            one.unit,
            f"{one.count:,}",
            f"{one.seconds:.1f}",
            f"{one.per_second:,.0f}",
            f"{one.cpu_ms:.3f}",
            *(f"{1000 * cpu / one.count:.3f}" if one.count else "" for cpu in (one.simulator_cpu, one.azurite_cpu)),
            f"{one.worker_rss / MEGABYTE:.0f}",
        )
    return made


def _memory(figures: Figures) -> Table:
    made = Table(title="peak resident memory")
    made.add_column("process")
    made.add_column("MB", justify="right")
    for role, octets in sorted(figures.peaks.items()):
        made.add_row(role, f"{octets / MEGABYTE:.0f}")
    return made
