/** Families of metrics as text: Prometheus' own format, and OpenMetrics, which has room for exemplars. */

import { BOUNDS } from "./family.ts";
import type { Exemplar, Family, Labels, Series } from "./family.ts";

/** The two formats, by the content type of each. */
export const CONTENT_TYPES = {
  prometheus: "text/plain; version=0.0.4; charset=utf-8",
  openmetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8",
} as const;

/** A format of the page. */
export type Format = keyof typeof CONTENT_TYPES;

/** The format that an `accept` header asks for: OpenMetrics where it is wanted at least as much as plain text. */
export function formatFor(accept: string | undefined): Format {
  const wanted = (type: string): number =>
    Math.max(
      0,
      ...(accept ?? "").split(",").map((part) => {
        const [name = "", ...parameters] = part.split(";").map((text) => text.trim().toLowerCase());
        if (name !== type) return 0;
        const quality = parameters.find((text) => text.startsWith("q="));
        return quality === undefined ? 1 : Number(quality.slice(2)) || 0;
      }),
    );
  const open = wanted("application/openmetrics-text");
  return open > 0 && open >= wanted("text/plain") ? "openmetrics" : "prometheus";
}

/** The page. A family without samples has no line. */
export function metricsText(families: readonly Family[], format: Format = "prometheus"): string {
  const isOpen = format === "openmetrics";
  let text = "";
  for (const family of families) {
    if (family.type === "histogram") text += histogramText(family.name, family.help, family.series, isOpen);
    else if (family.samples.length > 0) {
      text += headText(family, isOpen);
      for (const { labels, value } of family.samples)
        text += `${family.name}${braced(labelText(labels))} ${value}\n`;
    }
  }
  return isOpen ? `${text}# EOF\n` : text;
}

/** OpenMetrics names a counter's family without the `_total` of its samples. */
function headText({ name, type, help }: Pick<Family, "name" | "type" | "help">, isOpen: boolean): string {
  const family = isOpen && type === "counter" ? name.replace(/_total$/, "") : name;
  return `# HELP ${family} ${help}\n# TYPE ${family} ${type}\n`;
}

function histogramText(name: string, help: string, series: readonly Series[], isOpen: boolean): string {
  if (series.length === 0) return "";
  let text = headText({ name, type: "histogram", help }, isOpen);
  for (const { labels, totals, exemplars } of series) {
    const shared = labelText(labels);
    const bucket = `${name}_bucket{${shared}${shared === "" ? "" : ","}le="`;
    let seen = 0;
    for (let i = 0; i < BOUNDS.length; i++) {
      seen += totals.counts[i]!;
      text += `${bucket}${BOUNDS[i]}"} ${seen}${isOpen ? exemplarText(exemplars?.[i]) : ""}\n`;
    }
    text += `${name}_sum${braced(shared)} ${totals.sumMs / 1_000}\n${name}_count${braced(shared)} ${seen}\n`;
  }
  return text;
}

function exemplarText(exemplar: Exemplar | undefined): string {
  if (exemplar === undefined) return "";
  return ` # {trace_id="${escaped(exemplar.traceId)}"} ${exemplar.seconds} ${exemplar.at.toFixed(3)}`;
}

function labelText(labels: Labels): string {
  let text = "";
  for (const name in labels) text += `${text === "" ? "" : ","}${name}="${escaped(labels[name]!)}"`;
  return text;
}

function braced(labels: string): string {
  return labels === "" ? "" : `{${labels}}`;
}

const SPECIAL = /[\\"\n]/;

function escaped(value: string): string {
  if (!SPECIAL.test(value)) return value;
  return value.replace(/[\\"\n]/g, (character) => (character === "\n" ? "\\n" : `\\${character}`));
}
