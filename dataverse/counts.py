"""What a client has used and met, for whoever it worked for."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Counts:
    """What the client has used. ``operations`` is what the daily entitlement counts: rows and batch parts."""

    requests: int = 0
    operations: int = 0
    throttled: int = 0
    retried: int = 0
    lost: int = 0
    waited_seconds: float = 0.0
    by_facet: dict[str, int] = field(default_factory=dict)
