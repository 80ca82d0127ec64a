"""Charts as plain SVG, the same for a page, a print and a PDF.

Every builder is pure and returns Markup. Colours are written as attributes, because WeasyPrint reads no
page CSS inside an svg, and as classes (`c1` .. `c5`, `t-ok`, `c-text` ...), because parts.css repaints those
in the dark theme. Values carry direct labels, so that no chart depends on its colours.
"""

from collections.abc import Sequence
from decimal import Decimal
from math import ceil, floor, log10

from markupsafe import Markup, escape

SERIES = ("#0b5fff", "#b35900", "#1a7f37", "#8250df", "#0f766e")
DASHES = ("", "6 3", "2 3", "8 3 2 3", "1 4")
TONES = {"ok": "#1a7f37", "warn": "#9a6700", "bad": "#c1272d", "info": "#0969da", "neutral": "#818b98"}
TEXT, MUTED, GRID = "#1b1f24", "#57606a", "#d0d7de"
FONT = "system-ui, 'Segoe UI', 'Liberation Sans', Arial, sans-serif"
SIZE = 12
EMPTY = "No data in this period"

Number = int | float


def number(value: Number) -> str:
    """Grouped, at most one decimal: 1 284, 4.1, 0.5."""
    text = f"{value:,.1f}" if value != int(value) else f"{value:,.0f}"
    return text.replace(",", "\u202f")


def _plain(value: Number | Decimal) -> Number:
    # Averages come from the database as Decimal, which does not mix with float.
    return int(value) if value == int(value) else float(value)


def _width_of(text: str, size: int = SIZE) -> float:
    # Wide enough for every usual sans serif; a chart has no way to measure.
    return len(text) * size * 0.6


def _cut(text: str, room: float) -> str:
    most = max(3, floor(room / (SIZE * 0.6)))
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def _ticks(top: Number, count: int = 4) -> list[float]:
    if top <= 0:
        return [0.0, 1.0]
    raw = top / count
    power = 10 ** floor(log10(raw))
    step = next(m for m in (1, 2, 2.5, 5, 10) if m * power >= raw) * power
    if isinstance(top, int) and step < 1:
        step = 1
    return [step * i for i in range(ceil(top / step - 1e-9) + 1)]


def _paint(index: int, tone: str | None) -> str:
    if tone:
        return f'class="t-{tone}" fill="{TONES[tone]}"'
    return f'class="c{index % 5 + 1}" fill="{SERIES[index % 5]}"'


def _text(x: float, y: float, text: object, anchor: str = "start", *, muted: bool = True, bold: bool = False) -> str:
    weight = ' font-weight="600"' if bold else ""
    css, colour = ("c-muted", MUTED) if muted else ("c-text", TEXT)
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{css}" fill="{colour}"{weight}>{escape(text)}</text>'


def _rule(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="c-grid" stroke="{GRID}" stroke-width="1"/>'


def _svg(title: str, desc: str, width: float, height: float, body: Sequence[str], css: str) -> Markup:
    return Markup(  # noqa: S704  every text above and below went through escape()
        f'<svg class="chart {css}" xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" height="{height:.0f}" font-family="{escape(FONT)}" font-size="{SIZE}">'
        f"<title>{escape(title)}</title><desc>{escape(desc)}</desc>{''.join(body)}</svg>"
    )


def _empty(title: str, width: float, height: float, css: str) -> Markup:
    return _svg(title, EMPTY, width, height, [_text(width / 2, height / 2, EMPTY, "middle")], css)


def _axis(ticks: Sequence[float], left: float, right: float, top: float, bottom: float, unit: str) -> list[str]:
    parts = []
    for tick in ticks:
        y = bottom - (bottom - top) * tick / ticks[-1]
        parts += [_rule(left, y, right, y), _text(left - 8, y + 4, number(tick) + unit, "end")]
    return parts


def _every(count: int, room: float, longest: float) -> int:
    return max(1, ceil(count * (longest + 10) / max(room, 1)))


def _legend(names: Sequence[str], tones: Sequence[str | None], left: float, y: float) -> list[str]:
    parts, x = [], left
    for index, name in enumerate(names):
        parts += [
            f'<rect x="{x:.1f}" y="{y - 9:.1f}" width="10" height="10" rx="2" {_paint(index, tones[index])}/>',
            _text(x + 15, y, name),
        ]
        x += 15 + _width_of(name) + 18
    return parts


def bar(
    rows: Sequence[tuple[str, Number]],
    title: str,
    *,
    unit: str = "",
    tone: str | None = None,
    desc: str | None = None,
    width: int = 520,
    height: int = 220,
) -> Markup:
    """Upright bars, for steps in time or order. rows: (label, value)."""
    if not rows:
        return _empty(title, width, height, "chart-bar")
    rows = [(label, _plain(value)) for label, value in rows]
    top = max(value for _, value in rows)
    ticks = _ticks(top)
    left = _width_of(number(ticks[-1]) + unit) + 12
    right, head, bottom = width - 4.0, 20.0, height - 24.0
    slot = (right - left) / len(rows)
    thick = min(48.0, slot * 0.68)
    step = _every(len(rows), right - left, max(_width_of(label) for label, _ in rows))
    labelled = _width_of(number(top) + unit) < slot
    body = _axis(ticks, left, right, head, bottom, unit)
    for index, (label, value) in enumerate(rows):
        x = left + slot * index + (slot - thick) / 2
        tall = (bottom - head) * value / ticks[-1]
        body.append(
            f'<rect x="{x:.1f}" y="{bottom - tall:.1f}" width="{thick:.1f}" height="{max(tall, 0):.1f}" rx="2" '
            f"{_paint(0, tone)}><title>{escape(label)}: {number(value)}{escape(unit)}</title></rect>"
        )
        if labelled and value:
            body.append(_text(x + thick / 2, bottom - tall - 5, number(value) + unit, "middle", muted=False))
        if index % step == 0:
            body.append(_text(x + thick / 2, height - 8, label, "middle"))
    return _svg(title, desc or _listing(rows, unit), width, height, body, "chart-bar")


def hbar(
    rows: Sequence[tuple],
    title: str,
    *,
    unit: str = "",
    desc: str | None = None,
    width: int = 520,
    label_width: int | None = None,
) -> Markup:
    """Lying bars, for a ranking or long names. rows: (label, value) or (label, value, tone)."""
    if not rows:
        return _empty(title, width, 80, "chart-hbar")
    rows = [(row[0], _plain(row[1]), *row[2:]) for row in rows]
    line, thick = 28, 14
    left = float(label_width or min(width * 0.36, max(_width_of(str(row[0])) for row in rows) + 12))
    top = max(row[1] for row in rows) or 1
    right = width - _width_of(number(top) + unit) - 12
    body = []
    for index, row in enumerate(rows):
        label, value, tone = row[0], row[1], row[2] if len(row) > 2 else None
        y = index * line
        wide = max((right - left) * value / top, 2 if value else 0)
        body += [
            _text(0, y + line / 2 + 4, _cut(label, left - 8), muted=False),
            f'<rect x="{left:.1f}" y="{y + (line - thick) / 2:.1f}" width="{wide:.1f}" height="{thick}" rx="3" '
            f"{_paint(0, tone)}><title>{escape(label)}: {number(value)}{escape(unit)}</title></rect>",
            _text(left + wide + 6, y + line / 2 + 4, number(value) + unit, muted=False, bold=True),
        ]
    return _svg(title, desc or _listing([row[:2] for row in rows], unit), width, len(rows) * line, body, "chart-hbar")


def stacked(
    rows: Sequence[tuple[str, Sequence[Number]]],
    series: Sequence[tuple[str, str | None]],
    title: str,
    *,
    unit: str = "",
    desc: str | None = None,
    width: int = 520,
    height: int = 240,
) -> Markup:
    """Upright bars in layers. rows: (label, one value a series); series: (name, tone or None), lowest first."""
    if not rows or not any(sum(values) for _, values in rows):
        return _empty(title, width, height, "chart-stacked")
    rows = [(label, [_plain(value) for value in values]) for label, values in rows]
    ticks = _ticks(max(sum(values) for _, values in rows))
    left = _width_of(number(ticks[-1]) + unit) + 12
    right, head, bottom = width - 4.0, 30.0, height - 24.0
    slot = (right - left) / len(rows)
    thick = min(48.0, slot * 0.72)
    step = _every(len(rows), right - left, max(_width_of(label) for label, _ in rows))
    names, tones = [name for name, _ in series], [tone for _, tone in series]
    body = _axis(ticks, left, right, head, bottom, unit) + _legend(names, tones, left, 12)
    for index, (label, values) in enumerate(rows):
        x, y = left + slot * index + (slot - thick) / 2, bottom
        for layer, value in enumerate(values):
            tall = (bottom - head) * value / ticks[-1]
            if value:
                y -= tall
                body.append(
                    f'<rect x="{x:.1f}" y="{y:.1f}" width="{thick:.1f}" height="{max(tall - 1, 0.5):.1f}" '
                    f"{_paint(layer, tones[layer])}><title>{escape(label)}, {escape(names[layer])}: "
                    f"{number(value)}{escape(unit)}</title></rect>"
                )
        if index % step == 0:
            body.append(_text(x + thick / 2, height - 8, label, "middle"))
    told = "; ".join(
        f"{label}: " + ", ".join(f"{n} {number(v)}{unit}" for n, v in zip(names, values, strict=True) if v)
        for label, values in rows
    )
    return _svg(title, desc or told, width, height, body, "chart-stacked")


def line(
    series: Sequence[tuple[str, Sequence[Number | None]]],
    labels: Sequence[str],
    title: str,
    *,
    unit: str = "",
    desc: str | None = None,
    width: int = 520,
    height: int = 240,
) -> Markup:
    """Lines over one axis. series: (name, one value a label; None is a gap). Each line is named at its end."""
    series = [(name, [None if value is None else _plain(value) for value in values]) for name, values in series]
    known = [value for _, values in series for value in values if value is not None]
    if not known or not labels:
        return _empty(title, width, height, "chart-line")
    ticks = _ticks(max(known))
    left = _width_of(number(ticks[-1]) + unit) + 12
    right = width - max(_width_of(name, SIZE + 1) for name, _ in series) - 16
    head, bottom = 12.0, height - 24.0
    step_x = (right - left) / max(len(labels) - 1, 1)
    step = _every(len(labels), right - left, max(_width_of(label) for label in labels))
    body = _axis(ticks, left, right, head, bottom, unit)
    body += [_text(left + step_x * i, height - 8, label, "middle") for i, label in enumerate(labels) if i % step == 0]
    ends: list[tuple[float, int, str]] = []
    for index, (name, values) in enumerate(series):
        runs: list[list[tuple[float, float]]] = [[]]
        for i, value in enumerate(values):
            if value is None:
                runs.append([])
            else:
                runs[-1].append((left + step_x * i, bottom - (bottom - head) * value / ticks[-1]))
        colour, dash = SERIES[index % 5], DASHES[index % 5]
        for run in [run for run in runs if run]:
            path = " ".join(f"{x:.1f},{y:.1f}" for x, y in run)
            body.append(
                f'<polyline points="{path}" class="s{index % 5 + 1}" fill="none" stroke="{colour}" stroke-width="2" '
                f'stroke-linejoin="round" stroke-linecap="round"{f" stroke-dasharray={chr(34)}{dash}{chr(34)}" if dash else ""}/>'
            )
            x, y = run[-1]
            body.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" {_paint(index, None)}/>')
        last = [run for run in runs if run]
        if last:
            ends.append((last[-1][-1][1], index, name))
    for y, index, name in _apart(ends, 14):
        body.append(
            f'<text x="{right + 10:.1f}" y="{y + 4:.1f}" font-weight="600" {_paint(index, None)}>{escape(name)}</text>'
        )
    told = "; ".join(
        f"{name}: " + _listing([(x, v) for x, v in zip(labels, values, strict=True) if v is not None], unit)
        for name, values in series
    )
    return _svg(title, desc or told, width, height, body, "chart-line")


def _apart(ends: list[tuple[float, int, str]], gap: float) -> list[tuple[float, int, str]]:
    placed: list[tuple[float, int, str]] = []
    for y, index, name in sorted(ends):
        placed.append((max(y, placed[-1][0] + gap) if placed else y, index, name))
    return placed


def sparkline(
    values: Sequence[Number | None], title: str, *, width: int = 96, height: int = 24, tone: str | None = None
) -> Markup:
    """A line without axes, for a cell or a tile."""
    values = [None if value is None else _plain(value) for value in values]
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return _svg(title, EMPTY, width, height, [_rule(2, height / 2, width - 2, height / 2)], "chart-spark")
    low, high = min(known), max(known)
    span = (high - low) or 1
    step = (width - 6) / (len(values) - 1)
    points = [
        (3 + step * i, height - 4 - (height - 8) * (v - low) / span) for i, v in enumerate(values) if v is not None
    ]
    colour = TONES[tone] if tone else SERIES[0]
    css = f"st-{tone}" if tone else "s1"
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    body = [
        f'<polyline points="{path}" class="{css}" fill="none" stroke="{colour}" stroke-width="1.5" stroke-linejoin="round"/>',
        f'<circle cx="{points[-1][0]:.1f}" cy="{points[-1][1]:.1f}" r="2.5" {_paint(0, tone)}/>',
    ]
    told = f"from {number(known[0])} to {number(known[-1])}, between {number(low)} and {number(high)}"
    return _svg(title, told, width, height, body, "chart-spark")


def heat(
    grid: Sequence[Sequence[Number | None]],
    row_labels: Sequence[str],
    col_labels: Sequence[str],
    title: str,
    *,
    unit: str = "",
    desc: str | None = None,
    width: int = 520,
    show_values: bool = False,
) -> Markup:
    """A strip (one row) or a field of cells, darker for more; None is "no data", drawn as an outline."""
    grid = [[None if value is None else _plain(value) for value in row] for row in grid]
    known = [value for row in grid for value in row if value is not None]
    if not known:
        return _empty(title, width, 80, "chart-heat")
    top = max(known) or 1
    left = max((_width_of(label) for label in row_labels), default=0) + 10
    slot = (width - left) / max(len(col_labels), 1)
    tall = 24.0
    step = _every(len(col_labels), width - left, max((_width_of(label) for label in col_labels), default=0))
    body = []
    for r, row in enumerate(grid):
        y = r * tall
        body.append(_text(0, y + 16, row_labels[r]))
        for c, value in enumerate(row):
            x = left + slot * c
            box = f'x="{x + 1:.1f}" y="{y + 1:.1f}" width="{max(slot - 2, 1):.1f}" height="{tall - 2:.1f}" rx="3"'
            told = f"<title>{escape(row_labels[r])} {escape(col_labels[c])}: {'no data' if value is None else number(value) + escape(unit)}</title>"
            if value is None:
                body.append(f'<rect {box} class="c-none" fill="none" stroke="{GRID}">{told}</rect>')
                continue
            share = value / top
            body.append(f'<rect {box} class="c-grid-fill" fill="{GRID}" fill-opacity="0.35"/>')
            body.append(
                f'<rect {box} class="c1" fill="{SERIES[0]}" fill-opacity="{0.08 + 0.87 * share if value else 0:.2f}">{told}</rect>'
            )
            if show_values and value and _width_of(number(value)) < slot:
                dark = share > 0.5
                body.append(
                    f'<text x="{x + slot / 2:.1f}" y="{y + 16:.1f}" text-anchor="middle" '
                    f'class="{"c-on" if dark else "c-text"}" fill="{"#ffffff" if dark else TEXT}">{number(value)}</text>'
                )
    base = len(grid) * tall
    body += [
        _text(left + slot * (c + 0.5), base + 14, label, "middle")
        for c, label in enumerate(col_labels)
        if c % step == 0
    ]
    rows = [(f"{row_labels[r]} {col_labels[c]}", v) for r, row in enumerate(grid) for c, v in enumerate(row) if v]
    return _svg(
        title, desc or _listing(sorted(rows, key=lambda row: -row[1])[:12], unit), width, base + 20, body, "chart-heat"
    )


def _listing(rows: Sequence[tuple[str, Number]], unit: str) -> str:
    return ", ".join(f"{label} {number(value)}{unit}" for label, value in rows)
