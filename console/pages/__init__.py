"""The pages, one file per area. ``ROUTES``: method, path below /console, what it needs, what answers."""

from typing import Any, Final

from console.pages import home, map, runs

ROUTES: Final[tuple[tuple[str, str, str, Any], ...]] = (
    *home.ROUTES,
    *runs.ROUTES,
    *map.ROUTES,
)
