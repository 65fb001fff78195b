/**
 * Writes the Grafana dashboard, docs/grafana/laneway.json, with Grafana's own builders: what they do not know is no option
 * of a panel.
 *
 *     node scripts/dashboard.ts            writes the file
 *     node scripts/dashboard.ts --print    prints it
 */

import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { ROWS } from "./dashboard-panels.ts";
import type { Panel, Target } from "./dashboard-panels.ts";

const FILE = new URL("../docs/grafana/laneway.json", import.meta.url);
/** The package that brings the builders: only this script and a test need them. */
const FROM = new URL("../test/metrics-clients/package.json", import.meta.url);
const SDK = "@grafana/grafana-foundation-sdk";

/** What is used of the builders. */
type Method =
  | "allValue"
  | "current"
  | "datasource"
  | "description"
  | "expr"
  | "fillOpacity"
  | "height"
  | "id"
  | "includeAll"
  | "label"
  | "legendFormat"
  | "lineWidth"
  | "log"
  | "max"
  | "min"
  | "mode"
  | "multi"
  | "name"
  | "overrideByRegexp"
  | "query"
  | "refId"
  | "refresh"
  | "scaleDistribution"
  | "sort"
  | "span"
  | "stacking"
  | "tags"
  | "time"
  | "timezone"
  | "title"
  | "tooltip"
  | "type"
  | "uid"
  | "unit"
  | "withPanel"
  | "withRow"
  | "withTarget"
  | "withVariable";
type Builder = { [name in Method]: (...values: unknown[]) => Builder } & { build(): object };
type Builders = Readonly<Record<string, new (...values: unknown[]) => Builder>>;

/** The dashboard, and what its file holds. */
export async function dashboardText(): Promise<string> {
  return `${JSON.stringify(await dashboard(), undefined, 2)}\n`;
}

async function dashboard(): Promise<object> {
  const [boards, plots, queries, common] = await Promise.all(
    ["dashboard", "timeseries", "prometheus", "common"].map(load),
  );
  const board = new boards!["DashboardBuilder"]!("Laneway")
    .uid("laneway")
    .tags(["laneway", "generated"])
    .refresh("10s")
    .time({ from: "now-1h", to: "now" })
    .timezone("browser")
    .tooltip(1);
  for (const variable of variables(boards!)) board.withVariable(variable);
  for (const [i, { title, panels }] of ROWS.entries()) {
    board.withRow(new boards!["RowBuilder"]!(title).id(i + 1));
    for (const panel of panels)
      board.withPanel(plot(panel, { plots: plots!, queries: queries!, common: common! }));
  }
  return board.build();
}

async function load(part: string): Promise<Builders> {
  const module = (await import(createRequire(FROM).resolve(`${SDK}/${part}`))) as { default?: Builders };
  return module.default ?? (module as unknown as Builders);
}

const SOURCE = { type: "prometheus", uid: "${datasource}" };

function variables(boards: Builders): Builder[] {
  const chosen = (name: string, label: string, query: string): Builder =>
    new boards["QueryVariableBuilder"]!(name)
      .label(label)
      .datasource(SOURCE)
      .query(query)
      .refresh(2)
      .sort(1)
      .multi(true)
      .includeAll(true)
      .allValue(".*")
      .current({ selected: true, text: ["All"], value: ["$__all"] });
  return [
    new boards["DatasourceVariableBuilder"]!("datasource").label("Data source").type("prometheus"),
    chosen("job", "Job", "label_values(laneway_limit, job)"),
    chosen("resource", "Resource", 'label_values(laneway_limit{job=~"$job"}, resource)'),
    chosen("lane", "Lane", 'label_values(laneway_queue_depth{job=~"$job",resource=~"$resource"}, lane)'),
  ];
}

function plot(
  { title, description, unit, targets, stacked, logarithmic, max, columns = 8 }: Panel,
  { plots, queries, common }: { plots: Builders; queries: Builders; common: Builders },
): Builder {
  const panel = new plots["PanelBuilder"]!()
    .title(title)
    .description(description)
    .datasource(SOURCE)
    .unit(unit)
    .min(logarithmic === true ? 0.001 : 0)
    .span(columns)
    .height(8)
    .lineWidth(1)
    .fillOpacity(stacked === true ? 40 : 0)
    .tooltip(new common["VizTooltipOptionsBuilder"]!().mode("multi").sort("desc"));
  if (max !== undefined) panel.max(max);
  if (stacked === true) panel.stacking(new common["StackingConfigBuilder"]!().mode("normal"));
  if (logarithmic === true)
    panel.scaleDistribution(new common["ScaleDistributionConfigBuilder"]!().type("log").log(10));
  // What is meant to be is dashed, and never stacked on what is.
  panel.overrideByRegexp("/objective$|limit$|(min|max)$/", [
    { id: "custom.lineStyle", value: { fill: "dash", dash: [8, 6] } },
    { id: "custom.stacking", value: { mode: "none", group: "A" } },
    { id: "custom.fillOpacity", value: 0 },
  ]);
  targets.forEach((target, i) => panel.withTarget(targetOf(queries, target, i)));
  return panel;
}

function targetOf(queries: Builders, { expr, legend }: Target, index: number): Builder {
  return new queries["DataqueryBuilder"]!()
    .refId(String.fromCodePoint(65 + index))
    .expr(expr)
    .legendFormat(legend);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const text = await dashboardText();
  if (process.argv.includes("--print")) process.stdout.write(text);
  else writeFileSync(FILE, text);
}
