"""Charts as inline SVG, made on the server. They repeat what the text beside them says, so that they are decoration to
a screen reader; colours come from the style sheet by class."""

from collections.abc import Sequence

from markupsafe import Markup

WIDTH = 400


def bar(done: int, total: int | None, tone: str = "brand") -> Markup:
    """How much of the whole is done; a striped bar when the whole is not known."""
    part = min(1.0, done / total) if total else (1.0 if total == 0 else 0.0)
    length = round(part * WIDTH, 1)
    unknown = " unknown" if total is None else ""
    return Markup(
        '<svg class="bar{unknown}" viewBox="0 0 {width} 8" preserveAspectRatio="none" aria-hidden="true" focusable="false">'
        '<rect class="track" width="{width}" height="8" rx="4"/>'
        '<rect class="fill {tone}" width="{length}" height="8" rx="4"/></svg>'
    ).format(unknown=unknown, width=WIDTH, tone=tone, length=length)


def stack(parts: Sequence[tuple[str, int]], most: int | None = None) -> Markup:
    """Parts of a whole side by side: (class, how many). ``most``: the longest bar of a group, for comparing lengths."""
    whole = most or sum(count for _, count in parts) or 1
    place, pieces = 0.0, Markup("")
    for tone, count in parts:
        length = round(count / whole * WIDTH, 2)
        if count:
            # A sliver is still to be seen.
            length = max(length, 2.0)
            pieces += Markup('<rect class="fill {}" x="{}" width="{}" height="10"/>').format(
                tone, round(place, 2), length
            )
            place += length
    return Markup(
        '<svg class="stack" viewBox="0 0 {} 10" preserveAspectRatio="none" aria-hidden="true" focusable="false">{}</svg>'
    ).format(WIDTH, pieces)
