"""Charts as server-side SVG: where every bar and word stands, in the drawing's own units. The templates draw them.

A drawing is 340 units wide, so its words are readable on a phone without turning it. Each series has a pattern besides
its colour, and each chart a table that says the same.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

WIDTH = 340
LEFT, RIGHT = 26, 4  # room for the numbers at the side
TOP, FLOOR, HEIGHT = 14, 150, 172
BAR_SHARE = 0.68
ROW_HEIGHT, BAR_TOP, BAR_HEIGHT = 42, 20, 14
NICE_STEPS = (1, 2, 5)
MOST_LINES = 4


@dataclass(frozen=True)
class Series:
    """One kind of thing in a chart; `key` is its look."""

    key: str
    label: str


@dataclass(frozen=True)
class Segment:
    """One piece of a column."""

    key: str
    y: float
    height: float


@dataclass(frozen=True)
class Column:
    """One column with its name below and its total above."""

    label: str
    x: float
    width: float
    segments: list[Segment]
    values: list[str]
    total: str
    show_label: bool

    @property
    def middle(self) -> float:
        return round(self.x + self.width / 2, 1)

    @property
    def total_y(self) -> float:
        return min((segment.y for segment in self.segments), default=FLOOR) - 3


@dataclass(frozen=True)
class GridLine:
    """A horizontal line and the number it stands for."""

    value: str
    y: float


@dataclass(frozen=True)
class ColumnChart:
    """Stacked columns over time."""

    name: str
    title: str
    description: str
    series: Sequence[Series]
    columns: list[Column]
    lines: list[GridLine]
    width: int = WIDTH
    height: int = HEIGHT
    floor: int = FLOOR
    left: int = LEFT
    label_y: int = FLOOR + 14


@dataclass(frozen=True)
class Bar:
    """One bar of a row; `key` is its look."""

    key: str
    width: float


@dataclass(frozen=True)
class BarRow:
    """A named row: bars over one another from the left, longest first, and what they say in words."""

    label: str
    value: str
    y: int
    bars: list[Bar]

    @property
    def label_y(self) -> int:
        return self.y + 13

    @property
    def bar_y(self) -> int:
        return self.y + BAR_TOP


@dataclass(frozen=True)
class BarChart:
    """Horizontal bars, one row each, on a common scale."""

    name: str
    title: str
    description: str
    series: Sequence[Series]
    rows: list[BarRow]
    width: int = WIDTH
    bar_height: int = BAR_HEIGHT
    height: int = field(default=0)


def stack_columns(
    name: str,
    title: str,
    series: Sequence[Series],
    columns: Sequence[tuple[str, Sequence[int]]],
    *,
    write: Callable[[int], str] = str,
    nothing: str = "No visits.",
) -> ColumnChart:
    """Lay out columns: each has a label and one number a series, stacked from the floor up.

    `write` puts a number into a few letters, since there is room for few; `nothing` says that all columns are empty.
    """
    highest = max((sum(values) for _, values in columns), default=0)
    step = nice_step(highest)
    ceiling = max(step * -(-highest // step), step)
    per_unit = (FLOOR - TOP) / ceiling
    slot = (WIDTH - LEFT - RIGHT) / max(len(columns), 1)
    width = round(slot * BAR_SHARE, 1)
    every = 2 if len(columns) > 7 and max((len(label) for label, _ in columns), default=0) > 4 else 1
    return ColumnChart(
        name=name,
        title=title,
        description=". ".join(
            f"{label}: {_in_words(series, values, write)}" for label, values in columns if sum(values)
        )
        or nothing,
        series=series,
        columns=[
            Column(
                label=label,
                x=round(LEFT + slot * place + (slot - width) / 2, 1),
                width=width,
                segments=_stack(series, values, per_unit),
                values=[write(value) for value in values],
                total=write(sum(values)) if sum(values) else "",
                show_label=place % every == 0,
            )
            for place, (label, values) in enumerate(columns)
        ],
        lines=[GridLine(write(value), round(FLOOR - value * per_unit, 1)) for value in range(0, ceiling + 1, step)],
    )


def _stack(series: Sequence[Series], values: Sequence[int], per_unit: float) -> list[Segment]:
    segments, top = [], float(FLOOR)
    for one, value in zip(series, values, strict=True):
        if value:
            top -= value * per_unit
            segments.append(Segment(one.key, round(top, 1), round(value * per_unit, 1)))
    return segments


def _in_words(series: Sequence[Series], values: Sequence[int], write: Callable[[int], str]) -> str:
    return ", ".join(f"{write(value)} {one.label.lower()}" for one, value in zip(series, values, strict=True) if value)


def nice_step(highest: int) -> int:
    """Return the distance of at most four grid lines: 1, 2, 5, 10, 20, 50 and so on."""
    step, power = 1, 1
    while True:
        for number in NICE_STEPS:
            step = number * power
            if step * MOST_LINES >= highest:
                return step
        power *= 10


def bar_rows(
    name: str,
    title: str,
    series: Sequence[Series],
    rows: Sequence[tuple[str, str, Sequence[float | None]]],
    *,
    scale: float,
) -> BarChart:
    """Lay out rows of bars: each has a label, its words, and one value a series; `scale` is the full width.

    A value beyond the scale is drawn as full: the words say how much it is.
    """
    laid = []
    for place, (label, words, values) in enumerate(rows):
        bars = [
            Bar(one.key, round(min(value / scale, 1) * WIDTH, 1))
            for one, value in zip(series, values, strict=True)
            if value
        ]
        laid.append(BarRow(label, words, place * ROW_HEIGHT, sorted(bars, key=lambda bar: -bar.width)))
    return BarChart(
        name=name,
        title=title,
        description=". ".join(f"{label}: {words}" for label, words, _ in rows) or "Nothing to show.",
        series=series,
        rows=laid,
        height=max(len(laid), 1) * ROW_HEIGHT,
    )
