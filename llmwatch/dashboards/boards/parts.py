"""Owns the shape of a panel, a variable and a dashboard in Grafana's classic JSON, version 42 of its schema."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

Json = dict[str, Any]
SCHEMA_VERSION: Final = 42
DATASOURCE: Final = {"type": "grafana-postgresql-datasource", "uid": "${datasource}"}
COLOURS: Final = {"good": "green", "warn": "orange", "bad": "red", "calm": "text", "blue": "blue"}

# Every filter, and its label, in a relation that names them as call_facts does.
LABELS: Final = {"task": "Task", "model": "Model", "service": "Service", "feature": "Feature", "customer": "Customer"}
NAMES: Final = tuple(LABELS)
# What a filter at All stands for in a query; no name is ever shown so.
ALL: Final = "'(all)'"


def chosen(name: str, column: str = "") -> str:
    """The condition that the variable of this name puts on a column.

    Without a format the data source quotes each value itself, as its server reads it; `:sqlstring` puts a backslash
    before a double quote, which PostgreSQL takes for a part of the name.
    """
    return f"is_chosen({column or name}, [${name}])"


def shown(column: str) -> str:
    """A name as the filters list it, so that a link hands it on."""
    return f"shown_name({column})"


FILTERS: Final = " and ".join(chosen(name) for name in NAMES)
FILTERED: Final = f"$__timeFilter(started_at) and {FILTERS}"
EVERY: Final = "every filter applies"


def outside(*obeyed: str, is_of_range: bool = True) -> str:
    """What a heading says of the filters that the panels below it do not obey."""
    left = [label for name, label in LABELS.items() if name not in obeyed] + ([] if is_of_range else ["the time range"])
    by = " and ".join(LABELS[name] for name in obeyed)
    return f"filtered by {by} alone; {', '.join(left[:-1])} and {left[-1]} do not apply"


def target(sql: str, format_name: str) -> Json:
    """One query in code mode."""
    return {
        "datasource": DATASOURCE,
        "editorMode": "code",
        "format": format_name,
        "rawQuery": True,
        "rawSql": sql.strip(),
        "refId": "A",
    }


def steps(*pairs: tuple[float | None, str]) -> Json:
    """Thresholds: (from this value on, colour), the first from minus infinity."""
    return {"mode": "absolute", "steps": [{"color": colour, "value": value} for value, colour in pairs]}


PLAIN: Final = steps((None, "text"))
# The first step is also the colour of what is not known.
LEAST: Final = -1e15


# Of the line behind a number.
SPARK_POINTS: Final = 40
# The least at which Grafana draws it below the number.
SPARK_HEIGHT: Final = 5


def summed(value: str, facts: str) -> str:
    """The query of a `stat` that is a sum over time; steps without a call are zero, and no call at all is no row."""
    return f"""
select $__timeGroupAlias(started_at,$__interval,0), coalesce({value}, 0) as value from {facts} group by 1 order by 1"""


def _panel(kind: str, title: str, description: str, sql: str, format_name: str) -> Json:
    return {
        "type": kind,
        "title": title,
        "description": description,
        "datasource": DATASOURCE,
        "targets": [target(sql, format_name)],
        "fieldConfig": {"defaults": {}, "overrides": []},
        "options": {},
    }


def stat(
    title: str,
    description: str,
    sql: str,
    *,
    unit: str = "locale",
    thresholds: Json = PLAIN,
    decimals: int | None = None,
    no_value: str = "not known",
    link: str = "",
    is_text: bool = False,
    is_sum: bool = False,
) -> Json:
    """One number, or one sentence; with `is_sum` the sum of a series, which is drawn behind it."""
    panel = _panel("stat", title, description, sql, "time_series" if is_sum else "table")
    if is_sum:
        panel["maxDataPoints"] = SPARK_POINTS
        panel["interval"] = "1m"
    panel["fieldConfig"]["defaults"] = {
        "unit": "string" if is_text else unit,
        "thresholds": thresholds,
        "color": {"mode": "thresholds"},
        "noValue": no_value,
        **({} if decimals is None else {"decimals": decimals}),
        **({"links": [{"title": "Look closer", "url": link}]} if link else {}),
    }
    panel["options"] = {
        "colorMode": "value",
        "graphMode": "area" if is_sum else "none",
        "justifyMode": "auto",
        "orientation": "auto",
        "textMode": "value",
        "reduceOptions": {
            "calcs": ["sum" if is_sum else "lastNotNull"],
            "fields": "" if is_sum else "/.*/",
            "values": False,
        },
        "wideLayout": True,
        "percentChangeColorMode": "standard",
        "showPercentChange": False,
        "text": {"valueSize": 16 if is_text else 28 if is_sum else 38},
    }
    return panel


def series(
    title: str,
    description: str,
    sql: str,
    *,
    unit: str = "short",
    is_bars: bool = False,
    is_stacked: bool = False,
    interval: str = "1m",
    points: int | None = None,
    overrides: Sequence[Json] = (),
    maximum: float | None = None,
    has_zero: bool = True,
    span: str = "",
    soft_maximum: float | None = None,
) -> Json:
    """Lines or bars over time."""
    panel = _panel("timeseries", title, description, sql, "time_series")
    panel["interval"] = interval
    if points:
        panel["maxDataPoints"] = points
    if span:
        panel["timeFrom"] = span
    panel["fieldConfig"]["defaults"] = {
        "unit": unit,
        # By its name, so that a task keeps its colour when another joins or leaves.
        "color": {"mode": "palette-classic-by-name"},
        "thresholds": PLAIN,
        **({"min": 0} if has_zero else {}),
        **({} if maximum is None else {"max": maximum}),
        "custom": {
            "drawStyle": "bars" if is_bars else "line",
            "lineWidth": 0 if is_bars else 2,
            "fillOpacity": 85 if is_bars else 0,
            "gradientMode": "none",
            "showPoints": "never" if is_bars else "auto",
            "pointSize": 5,
            "spanNulls": False if is_bars else 1_209_600_000,
            "stacking": {"mode": "normal" if is_stacked else "none", "group": "A"},
            "axisPlacement": "auto",
            "axisBorderShow": False,
            "barAlignment": 1,
            "barWidthFactor": 0.9,
            "lineInterpolation": "linear",
            **({} if soft_maximum is None else {"axisSoftMax": soft_maximum}),
        },
    }
    panel["fieldConfig"]["overrides"] = list(overrides)
    panel["options"] = {
        "legend": {"showLegend": True, "displayMode": "list", "placement": "bottom", "calcs": []},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    return panel


def coloured(name: str, colour: str, **custom: Any) -> Json:
    """A series that always has this colour."""
    properties: list[Json] = [{"id": "color", "value": {"mode": "fixed", "fixedColor": colour}}]
    properties += [{"id": f"custom.{key}", "value": value} for key, value in custom.items()]
    return {"matcher": {"id": "byName", "options": name}, "properties": properties}


def only_hovered(pattern: str, unit: str) -> Json:
    """Series of names like this stand in the box beside the pointer alone, in a unit of their own."""
    hidden = {"viz": True, "legend": True, "tooltip": False}
    # An axis of its own, lest its values stretch that of what is drawn.
    values = {"unit": unit, "max": None, "custom.hideFrom": hidden, "custom.axisPlacement": "hidden"}
    properties = [{"id": key, "value": value} for key, value in values.items()]
    return {"matcher": {"id": "byRegexp", "options": pattern}, "properties": properties}


def column(
    name: str,
    unit: str = "",
    *,
    width: int | None = None,
    link: str = "",
    thresholds: Json | None = None,
    is_gauge: bool = False,
    words: Mapping[str, str] | None = None,
    decimals: int | None = None,
    maximum: float | None = None,
) -> Json:
    """How one column of a table is shown; `words` gives values a colour."""
    values: Json = {
        "unit": unit or None,
        "decimals": decimals,
        "custom.width": width,
        "links": [{"title": "Look closer", "url": link}] if link else None,
        "thresholds": thresholds,
        "custom.cellOptions": {"type": "color-text"} if thresholds or words else None,
    }
    if is_gauge:
        values |= {
            "custom.cellOptions": {"type": "gauge", "mode": "basic", "valueDisplayMode": "text"},
            "min": 0,
            "max": maximum,
            "color": {"mode": "fixed", "fixedColor": "blue"},
        }
    if words:
        shown = {word: {"color": colour, "text": word} for word, colour in words.items()}
        values["mappings"] = [{"type": "value", "options": shown}]
    properties = [{"id": key, "value": value} for key, value in values.items() if value is not None]
    return {"matcher": {"id": "byName", "options": name}, "properties": properties}


def table(
    title: str, description: str, sql: str, columns: Sequence[Json], *, no_value: str = "–", wraps: bool = False
) -> Json:
    """Rows."""
    panel = _panel("table", title, description, sql, "table")
    panel["fieldConfig"]["defaults"] = {
        "noValue": no_value,
        "thresholds": PLAIN,
        "color": {"mode": "thresholds"},
        "custom": {
            "align": "auto",
            "cellOptions": {"type": "auto", "wrapText": wraps},
            **({"wrapText": True} if wraps else {}),
            "filterable": False,
            "minWidth": 60,
        },
    }
    panel["fieldConfig"]["overrides"] = list(columns)
    panel["options"] = {"cellHeight": "sm", "showHeader": True}
    return panel


def bars(title: str, description: str, sql: str, *, unit: str, link: str = "", thresholds: Json | None = None) -> Json:
    """One bar a row: the first column names it."""
    panel = _panel("bargauge", title, description, sql, "table")
    panel["fieldConfig"]["defaults"] = {
        "unit": unit,
        "min": 0,
        "thresholds": thresholds or steps((None, "blue")),
        "color": {"mode": "thresholds"},
        **({"links": [{"title": "Look closer", "url": link}]} if link else {}),
    }
    panel["options"] = {
        "displayMode": "basic",
        "orientation": "horizontal",
        "text": {"titleSize": 12, "valueSize": 14},
        "valueMode": "color",
        "showUnfilled": True,
        "minVizHeight": 16,
        "maxVizHeight": 28,
        "minVizWidth": 8,
        "namePlacement": "left",
        "sizing": "manual",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": True, "limit": 12},
    }
    return panel


def section(title: str) -> Json:
    """A heading over the panels below it: which filters they obey stands there for everybody to see."""
    return {"type": "row", "title": title, "collapsed": False, "panels": []}


Placed = tuple[int, Sequence[Json | tuple[int, Json]]]


def placed(rows: Sequence[Placed]) -> list[Json]:
    """Panels with places and ids: each row is (height, panels); a panel has its width with it or a share of 24.

    Shares differ by one at most, so that a row reaches the right edge.
    """
    found: list[Json] = []
    y = 0
    for height, panels in rows:
        x = 0
        for number, entry in enumerate(panels):
            share = 24 // len(panels) + (number >= len(panels) - 24 % len(panels))
            width, panel = entry if isinstance(entry, tuple) else (share, entry)
            found.append({"id": len(found) + 1, **panel, "gridPos": {"x": x, "y": y, "w": width, "h": height}})
            x += width
        y += height
    return found
