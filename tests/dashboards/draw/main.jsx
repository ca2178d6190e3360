// Draws one dashboard with Grafana's own components, from its JSON and the rows that its queries gave over the wire.
// What the page is given, data.json: { dashboard, range: {from, to} in ms, panels: { id: [frame] } } where a frame is
// { refId, fields: [{ name, type, values, labels }] } as the PostgreSQL data source makes them.
import {
  applyFieldOverrides,
  createTheme,
  dateTime,
  EventBusSrv,
  FieldColorModeId,
  getFieldDisplayValues,
  ThemeContext,
  toDataFrame,
  FieldConfigOptionsRegistry,
} from "@grafana/data";
import { BarGauge, BigValue, GlobalStyles, PanelChrome, PanelContextProvider, TimeSeries, VizRepeater } from "@grafana/ui";
import { TableNG } from "@grafana/ui/unstable";
import { useEffect, useState } from "react";
import { createRoot } from "react-dom/client";

const CELL = 30;
const GAP = 8;
const WIDTH = Number(new URLSearchParams(location.search).get("width") || 1480);
const theme = createTheme({ colors: { mode: new URLSearchParams(location.search).get("theme") || "dark" } });

// What Grafana's panel plugins fill in where a dashboard says nothing.
function defaultsOf(panel) {
  const isSeries = panel.type === "timeseries";
  const given = panel.fieldConfig?.defaults ?? {};
  return {
    color: { mode: isSeries ? FieldColorModeId.PaletteClassic : FieldColorModeId.Thresholds },
    thresholds: { mode: "absolute", steps: [{ value: -Infinity, color: "green" }] },
    ...given,
    ...(given.thresholds ? { thresholds: fromJson(given.thresholds) } : {}),
    custom: {
      ...(isSeries
        ? { drawStyle: "line", lineInterpolation: "linear", lineWidth: 1, fillOpacity: 0, showPoints: "auto", pointSize: 5, axisPlacement: "auto", barAlignment: 0, spanNulls: false, scaleDistribution: { type: "linear" }, hideFrom: {} }
        : { align: "auto", cellOptions: { type: "auto" } }),
      ...(given.custom ?? {}),
    },
  };
}

// JSON has no infinity: the first step's value is null there.
function fromJson(thresholds) {
  return { ...thresholds, steps: thresholds.steps.map((step) => ({ ...step, value: step.value ?? -Infinity })) };
}

function interpolated(frames, panel) {
  const made = frames.map((frame) => toDataFrame(frame));
  for (const frame of made) {
    for (const field of frame.fields) {
      field.config = structuredClone(defaultsOf(panel));
      for (const rule of panel.fieldConfig?.overrides ?? []) {
        if (!matches(rule.matcher, field)) continue;
        for (const { id, value } of rule.properties) assign(field.config, id, id === "thresholds" ? fromJson(value) : value);
      }
    }
  }
  return applyFieldOverrides({
    data: made,
    fieldConfig: { defaults: {}, overrides: [] },
    replaceVariables: (text) => text,
    theme,
    timeZone: "utc",
    dataLinkPostProcessor: undefined,
    fieldConfigRegistry: new FieldConfigOptionsRegistry(),
  });
}

function matches(matcher, field) {
  const name = field.config.displayName ?? field.name;
  if (matcher.id === "byName") return field.name === matcher.options || name === matcher.options;
  if (matcher.id === "byRegexp") return new RegExp(matcher.options.replace(/^\/|\/$/g, "")).test(field.name);
  if (matcher.id === "byType") return field.type === matcher.options;
  return false;
}

function assign(config, path, value) {
  const steps = path.split(".");
  let at = config;
  for (const step of steps.slice(0, -1)) at = at[step] ??= {};
  at[steps.at(-1)] = value;
}

function Stat({ panel, frames, width, height }) {
  const options = panel.options ?? {};
  const values = getFieldDisplayValues({
    data: frames,
    reduceOptions: options.reduceOptions ?? { calcs: ["lastNotNull"], values: false },
    fieldConfig: { defaults: {}, overrides: [] },
    replaceVariables: (text) => text,
    theme,
    timeZone: "utc",
    sparkline: options.graphMode !== "none",
  });
  if (panel.type === "bargauge") {
    return (
      <VizRepeater
        getValues={() => values}
        orientation={options.orientation === "vertical" ? "vertical" : "horizontal"}
        width={width}
        height={height}
        source={values}
        itemSpacing={8}
        minVizHeight={options.minVizHeight}
        maxVizHeight={options.maxVizHeight}
        renderValue={({ value, width, height, orientation }) => (
          <BarGauge
            value={value.display}
            field={value.field}
            display={value.view?.getFieldDisplayProcessor(value.colIndex)}
            width={width}
            height={height}
            orientation={orientation}
            theme={theme}
            displayMode={options.displayMode ?? "gradient"}
            alignmentFactors={longest(values)}
            text={options.text}
          />
        )}
      />
    );
  }
  return (
    <VizRepeater
      getValues={() => values}
      orientation="vertical"
      width={width}
      height={height}
      source={values}
      renderValue={({ value, width, height, count }) => (
        <BigValue
          value={value.display}
          count={count}
          width={width}
          height={height}
          theme={theme}
          sparkline={value.sparkline}
          colorMode={options.colorMode ?? "value"}
          graphMode={options.graphMode ?? "area"}
          justifyMode={options.justifyMode ?? "auto"}
          textMode={options.textMode ?? "auto"}
          text={options.text}
        />
      )}
    />
  );
}

function longest(values) {
  const texts = (pick) => values.map((v) => pick(v.display) ?? "").reduce((a, b) => (a.length >= b.length ? a : b), "");
  // The page lacks the font that Grafana measures titles with, and draws wider ones.
  return { title: texts((d) => d.title) + "mmm", text: texts((d) => d.text) };
}

function Drawn({ panel, frames, width, height, range }) {
  if (panel.type === "text") {
    return <div style={{ padding: 8, whiteSpace: "pre-wrap" }}>{panel.options?.content}</div>;
  }
  if (!frames.length || frames.every((frame) => frame.length === 0)) {
    return <div style={{ display: "grid", placeItems: "center", height }}>No data</div>;
  }
  if (panel.type === "timeseries") {
    const legend = { showLegend: true, displayMode: "list", placement: "bottom", calcs: [], ...(panel.options?.legend ?? {}) };
    return (
      <TimeSeries
        frames={frames}
        width={width}
        height={height}
        timeRange={{ from: dateTime(range.from), to: dateTime(range.to), raw: { from: dateTime(range.from), to: dateTime(range.to) } }}
        timeZone="utc"
        legend={legend}
        options={panel.options ?? {}}
      />
    );
  }
  if (panel.type === "table") {
    return (
      <TableNG
        data={frames[0]}
        width={width}
        height={height}
        noHeader={false}
        cellHeight={panel.options?.cellHeight}
        fieldConfig={panel.fieldConfig}
        timeRange={{ from: dateTime(range.from), to: dateTime(range.to), raw: { from: "now-7d", to: "now" } }}
        initialSortBy={[]}
        enableSharedCrosshair={false}
        structureRev={1}
      />
    );
  }
  return <Stat panel={panel} frames={frames} width={width} height={height} />;
}

function Panel({ panel, frames, range }) {
  const column = (WIDTH - GAP) / 24;
  const { x, y, w, h } = panel.gridPos;
  const width = Math.round(w * column - GAP);
  const height = h * (CELL + GAP) - GAP;
  const style = { position: "absolute", left: Math.round(x * column) + GAP, top: y * (CELL + GAP) + 60 };
  if (panel.type === "row") {
    return <h3 style={{ ...style, margin: 0, fontSize: 16, fontWeight: 500 }}>{panel.title}</h3>;
  }
  return (
    <div style={style} data-panel={panel.id}>
      <PanelChrome title={panel.title} description={panel.description} width={width} height={height} displayMode={panel.transparent ? "transparent" : "default"} padding={panel.type === "table" ? "none" : "md"}>
        {(innerWidth, innerHeight) => (
          <Drawn panel={panel} frames={frames} width={innerWidth} height={innerHeight} range={range} />
        )}
      </PanelChrome>
    </div>
  );
}

// A panel may look at a span of its own that ends where the dashboard's does.
function rangeOf(panel, given) {
  const span = given.spans?.[panel.id];
  return span ? { from: given.range.to - span, to: given.range.to } : given.range;
}

function Page() {
  const [given, setGiven] = useState(null);
  useEffect(() => {
    fetch(new URLSearchParams(location.search).get("data") ?? "data.json")
      .then((response) => response.json())
      .then(setGiven)
      .catch((problem) => (document.title = `failed: ${problem}`));
  }, []);
  useEffect(() => {
    if (given) setTimeout(() => document.title.startsWith("failed") || (document.title = `drawn: ${given.dashboard.title}`), 1500);
  }, [given]);
  if (!given) return null;
  const panels = given.dashboard.panels.flatMap((panel) => [panel, ...(panel.panels ?? [])]);
  const bottom = Math.max(...panels.map((p) => p.gridPos.y + p.gridPos.h)) * (CELL + GAP) + 80;
  const context = { eventsScope: "draw", eventBus: new EventBusSrv(), canAddAnnotations: () => false };
  return (
    <ThemeContext.Provider value={theme}>
      <GlobalStyles />
      <PanelContextProvider value={context}>
        <div style={{ position: "relative", width: WIDTH + GAP, height: bottom, background: theme.colors.background.canvas, color: theme.colors.text.primary }}>
          <h2 style={{ position: "absolute", left: 12, top: 14, margin: 0, fontSize: 20, fontWeight: 500 }}>{given.dashboard.title}</h2>
          {panels.map((panel) => (
            <Panel key={panel.id} panel={panel} range={rangeOf(panel, given)} frames={interpolated(given.panels[panel.id] ?? [], panel)} />
          ))}
        </div>
      </PanelContextProvider>
    </ThemeContext.Provider>
  );
}

createRoot(document.getElementById("root")).render(<Page />);
