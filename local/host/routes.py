"""ASP.NET route templates, as HTTP triggers use them: `a/{x}/{y?}/{*rest}`, with constraints such as `{x:int}`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from local.host.load import Function, LoadError

_CONSTRAINTS = {
    "int": r"-?\d+",
    "long": r"-?\d+",
    "bool": r"[Tt]rue|[Ff]alse",
    "alpha": r"[A-Za-z]+",
    "guid": r"[0-9A-Fa-f]{8}-?(?:[0-9A-Fa-f]{4}-?){3}[0-9A-Fa-f]{12}",
}
_HOLE = re.compile(r"\{(\*{0,2})(\w+)(?::(\w+))?(\?)?\}")


@dataclass(frozen=True)
class Route:
    """One trigger's route: the pattern of the path below the prefix, and how specific it is."""

    function: Function
    pattern: re.Pattern[str]
    methods: frozenset[str]  # empty: all
    rank: tuple[int, ...]

    @property
    def auth_level(self) -> str:
        return str(self.function.trigger.get("authLevel", "FUNCTION")).upper()


def make_route(function: Function) -> Route:
    """The route of an HTTP trigger. Raises `LoadError` for a template this host does not know."""
    template = str(function.trigger.get("route") or function.name).strip("/")
    pattern, rank = "", list[int]()
    for segment in template.split("/"):
        text, optional, weight = _segment(function.name, segment)
        pattern += f"(?:/{text})?" if optional else f"/{text}"
        rank.append(weight)
    methods = frozenset(str(m).upper() for m in function.trigger.get("methods", ()))
    return Route(function, re.compile(f"^{pattern}$", re.IGNORECASE), methods, tuple(rank))


def _segment(name: str, segment: str) -> tuple[str, bool, int]:
    """A segment's pattern, whether it may be absent, and its weight: literal 0, typed 1, any 2, rest 3."""
    pattern, position, optional, weight = "", 0, False, 0
    for hole in _HOLE.finditer(segment):
        stars, parameter, constraint, question = hole.groups()
        if constraint and constraint not in _CONSTRAINTS:
            raise LoadError(f"{name}: route constraint '{constraint}' is not supported by the local Functions host")
        inner = ".*" if stars else _CONSTRAINTS[constraint] if constraint else "[^/]+"
        pattern += re.escape(segment[position : hole.start()]) + f"(?P<{parameter}>{inner})"
        position = hole.end()
        optional = optional or bool(question or stars)
        weight = max(weight, 3 if stars else 1 if constraint else 2)
    rest = segment[position:]
    if "{" in rest or "}" in rest:
        raise LoadError(f"{name}: route segment '{segment}' is not supported by the local Functions host")
    return pattern + re.escape(rest), optional, weight


def match(routes: Sequence[Route], method: str, path: str) -> tuple[Route, dict[str, str]] | None:
    """The most specific route for a decoded path ("/x/y"), with its parameters."""
    for route in sorted(routes, key=lambda r: r.rank):
        if not route.methods or method.upper() in route.methods:
            found = route.pattern.match(path)
            if found:
                return route, {k: v for k, v in found.groupdict().items() if v is not None}
    return None
