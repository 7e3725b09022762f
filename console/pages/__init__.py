"""The pages, one file per area. ``ROUTES``: method, path below /console, what it needs, what answers."""

from typing import Any, Final

from console.pages import home, map, move, profile, proof, ready, runs, sample, shaping, trouble, values

ROUTES: Final[tuple[tuple[str, str, str, Any], ...]] = (
    *home.ROUTES,
    *runs.ROUTES,
    *ready.ROUTES,
    *profile.ROUTES,
    *map.ROUTES,
    *shaping.ROUTES,
    *values.ROUTES,
    *sample.ROUTES,
    *move.ROUTES,
    *trouble.ROUTES,
    *proof.ROUTES,
)
