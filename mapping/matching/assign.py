"""Gives every field of an object its home at once: the sum of what speaks for the homes is largest, rivals considered."""

from collections.abc import Callable, Sequence

#: How often one column is offered: each further taker costs more.
PLACES = 8
_NEVER = 1e9


def assign(scores: Sequence[dict[str, float]], cost_of_sharing: Callable[[str], float], *, nowhere: str) -> list[str]:
    """One column a field.

    Args:
        scores: for each field, column -> log-odds that it is the right one; ``nowhere`` is always among them.
        cost_of_sharing: column -> what each further field costs that takes it too.
        nowhere: the column that any number of fields may take.

    Returns:
        The chosen column of each field. Equal sums are broken by the order given.
    """
    columns = list(dict.fromkeys(name for one in scores for name in one if name != nowhere))
    sharing = {name: cost_of_sharing(name) for name in columns}
    takers = {name: min(PLACES, sum(1 for one in scores if name in one)) for name in columns}
    places = [(name, rank) for name in columns for rank in range(takers[name])]
    # A private place for each field stands for nowhere, so that no field is ever without one.
    matrix = [
        [-(one[name] - rank * sharing[name]) if name in one else _NEVER for name, rank in places]
        + [-one[nowhere] if other == row else _NEVER for other in range(len(scores))]
        for row, one in enumerate(scores)
    ]
    chosen = cheapest(matrix)
    return [places[place][0] if place < len(places) else nowhere for place in chosen]


def cheapest(costs: Sequence[Sequence[float]]) -> list[int]:
    """The column of each row in the cheapest assignment of different columns (Kuhn and Munkres, shortest paths).

    There must be at least as many columns as rows.
    """
    if not costs:
        return []
    width = len(costs[0])
    row_price = [0.0] * (len(costs) + 1)
    column_price = [0.0] * (width + 1)
    taker = [0] * (width + 1)  # 1-based row that holds a column; column 0 holds the row being placed
    for row in range(1, len(costs) + 1):
        taker[0] = row
        at = 0
        least = [float("inf")] * (width + 1)
        came_from = [0] * (width + 1)
        done = [False] * (width + 1)
        while taker[at]:
            done[at] = True
            holder = taker[at]
            line = costs[holder - 1]
            step, next_at = float("inf"), 0
            base = row_price[holder]
            for column in range(1, width + 1):
                if not done[column]:
                    reduced = line[column - 1] - base - column_price[column]
                    if reduced < least[column]:
                        least[column] = reduced
                        came_from[column] = at
                    if least[column] < step:
                        step, next_at = least[column], column
            for column in range(width + 1):
                if done[column]:
                    row_price[taker[column]] += step
                    column_price[column] -= step
                else:
                    least[column] -= step
            at = next_at
        while at:
            taker[at] = taker[came_from[at]]
            at = came_from[at]
    chosen = [0] * len(costs)
    for column in range(1, width + 1):
        if taker[column]:
            chosen[taker[column] - 1] = column - 1
    return chosen
