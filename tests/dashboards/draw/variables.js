// Runs the variables of one dashboard in Grafana's own code through what happens to an open page, and tells after each
// step what they stand for and what a query would be sent as. Given, by `?data=`: { variables, url, sql, steps } where a
// step is { name, range?, ticks?, choose?, leave?, isDown? }. Queries go to /api/ds/query, as Grafana's page sends them.
import { dateTime } from "@grafana/data";
import { setBackendSrv, setDataSourceSrv, setTemplateSrv } from "@grafana/runtime";
import {
  CustomVariable,
  DataSourceVariable,
  EmbeddedScene,
  QueryVariable,
  SceneFlexLayout,
  sceneGraph,
  SceneTimeRange,
  SceneVariableSet,
  TextBoxVariable,
} from "@grafana/scenes";
import { SqlDatasource } from "@grafana/sql";
import { from, throwError } from "rxjs";

let isDown = false;
let asked = 0;

// As the PostgreSQL plugin has it.
class Postgres extends SqlDatasource {
  getDB() {
    return {};
  }
  getQueryModel() {
    return { quoteLiteral: (value) => "'" + value.replace(/'/g, "''") + "'" };
  }
}

async function ask(request) {
  asked += 1;
  const response = await fetch(request.url, { method: "POST", body: JSON.stringify(request.data) });
  return { data: await response.json(), ok: response.ok, status: response.status };
}

// Grafana's dashboard loader, of what concerns variables.
function loaded(variable) {
  const common = { name: variable.name, label: variable.label, hide: variable.hide, skipUrlSync: variable.skipUrlSync };
  const given = { value: variable.current.value, text: variable.current.text };
  const many = {
    isMulti: variable.multi,
    includeAll: variable.includeAll,
    defaultToAll: Boolean(variable.includeAll),
    allValue: variable.allValue || undefined,
    allowCustomValue: variable.allowCustomValue,
  };
  const { query, regex, refresh, sort, datasource } = variable;
  if (variable.type === "query") return new QueryVariable({ ...common, ...given, ...many, query, regex, refresh, sort, datasource });
  if (variable.type === "custom") return new CustomVariable({ ...common, ...given, ...many, query });
  if (variable.type === "textbox") return new TextBoxVariable({ ...common, value: variable.query });
  return new DataSourceVariable({ ...common, ...given, pluginId: query, regex });
}

const settled = (time = 50) => new Promise((done) => setTimeout(done, time));

async function quiet(variables) {
  for (let at = 0; at < 400; at += 1) {
    await settled();
    if (!variables.state.variables.some((one) => variables.isVariableLoadingOrWaitingToUpdate(one))) return;
  }
  throw new Error("a variable is still loading after 20 s");
}

async function main() {
  const given = await (await fetch(new URLSearchParams(location.search).get("data"))).json();
  const kind = { type: "grafana-postgresql-datasource", jsonData: { database: "llmwatch" }, meta: { id: "grafana-postgresql-datasource", info: { logos: {} } } };
  const sources = (given.sources ?? [{ name: "llmwatch", uid: "llmwatch" }]).map((one) => ({ ...kind, ...one }));
  const [settings] = sources;
  const variables = new SceneVariableSet({ variables: given.variables.map(loaded) });
  const time = new SceneTimeRange({ from: "now-7d", to: "now" });
  const scene = new EmbeddedScene({ $variables: variables, $timeRange: time, body: new SceneFlexLayout({ children: [] }) });
  setTemplateSrv({ replace: (text, scoped, format) => sceneGraph.interpolate(scene, text, scoped, format), containsTemplate: () => true, getVariables: () => [] });
  setBackendSrv({ fetch: (request) => (isDown ? throwError(() => ({ message: "down", status: 502 })) : from(ask(request))) });
  const source = new Postgres(settings);
  setDataSourceSrv({ get: () => Promise.resolve(source), getList: () => sources, getInstanceSettings: () => settings });

  for (const variable of variables.state.variables) variable.urlSync?.updateFromUrl(given.url);
  let leave = scene.activate();
  const told = [];
  for (const step of given.steps) {
    isDown = Boolean(step.isDown);
    if (step.range) {
      const [begin, end] = step.range;
      time.onTimeRangeChange({ from: dateTime(begin), to: dateTime(end), raw: { from: begin, to: end } });
    }
    for (let tick = 0; tick < (step.ticks ?? 0); tick += 1) {
      time.onRefresh();
      await settled();
    }
    if (step.leave) {
      leave();
      leave = scene.activate();
    }
    for (const [name, value] of Object.entries(step.choose ?? {})) variables.getByName(name).changeValueTo(value, undefined, true);
    await quiet(variables);
    const values = Object.fromEntries(variables.state.variables.map((one) => [one.state.name, one.getValueText?.() ?? one.getValue()]));
    const listed = Object.fromEntries(variables.state.variables.map((one) => [one.state.name, one.state.options?.length ?? 0]));
    const errors = variables.state.variables.map((one) => one.state.error).filter(Boolean).map(String);
    const url = Object.assign({}, ...variables.state.variables.map((one) => one.urlSync?.getUrlState() ?? {}));
    told.push({ name: step.name, values, listed, errors, url, sent: source.applyTemplateVariables({ rawSql: given.sql, refId: "A" }, {}).rawSql, asked });
  }
  document.getElementById("told").textContent = JSON.stringify(told);
  document.title = "told";
}

main().catch(failed);
