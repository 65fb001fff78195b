/** The five figures of README.md, written between two marks by the run that measured them. */

import type { BenchRow } from "./row.ts";

const BEGIN = "<!-- figures: written by npm run bench -->";
const END = "<!-- /figures -->";

/** The text of README.md with its figures replaced. Throws when a row or a mark is missing. */
export function withFigures(readme: string, rows: readonly BenchRow[]): string {
  const from = readme.indexOf(BEGIN);
  const to = readme.indexOf(END);
  if (from < 0 || to < from) throw new Error(`README.md: expected the marks ${BEGIN} and ${END}`);
  return `${readme.slice(0, from)}${BEGIN}\n${bullets(rows)}\n${readme.slice(to)}`;
}

function bullets(rows: readonly BenchRow[]): string {
  const row = (question: string, peer?: string): BenchRow => find(rows, question, peer);
  const spike = row("12× spike in the lowest lane: critical served");
  const chat = row("600 batch calls and chat");
  const equal = row("fairness against max-min, equal tasks");
  const returns = row("obeying retry-after: admitted on the first return");
  const minute = "one real minute of overload, input tokens the tightest";
  const refused = row(`${minute}: refused`);
  const used = row(`${minute}: used by five lanes`);
  const empty = row("run of an empty async task", "p-queue");
  const queued = row("admission + release, 100,000 waiting", "p-queue");
  const memory = row("memory of one waiter of a million");
  const request = row("CPU per request");
  const portkey = row("throughput of one core", "@portkey-ai/gateway 1.15.2");
  return [
    `- **What matters does not wait.** Behind 600 queued batch calls the 99th percentile of chat's wait is ${exact(chat.ours)} ms with two seats of its own; a 12-fold spike in the lowest lane leaves ${exact(spike.ours)} % of critical tasks served.`,
    `- **Nobody takes over, nobody starves.** Flows inside a lane share within ${exact(equal.ours)} % of max-min fairness, and every lane moves under any load, for 5 % of the seat-time.`,
    `- **Rate limits are kept, not met.** In a minute of overload an upstream with a token budget refuses ${exact(refused.ours)} calls, and ${exact(used.ours)} % of that budget is used; of the clients that Laneway itself refuses and that obey \`retry-after\`, ${exact(returns.ours)} % are admitted the first time they return.`,
    `- **Cheap.** ${exact(empty.ours)} ns for an uncontended \`run\`, where p-queue takes ${exact(empty.theirs)} ns; with 100,000 waiting ${exact(queued.ours)} µs for an admission and a release, where p-queue takes ${exact(queued.theirs)} µs; ${exact(memory.ours)} bytes a waiter.`,
    `- **A thin gateway.** ${exact(request.ours)} µs of CPU a request, ${exact(request.ratio)} times a bare proxy's, and ${exact(portkey.ratio)} times the throughput of Portkey.`,
  ].join("\n");
}

function find(rows: readonly BenchRow[], question: string, peer: string | undefined): BenchRow {
  const found = rows.find(
    (row) => row.question.startsWith(question) && (peer === undefined || row.peer === peer),
  );
  if (found === undefined)
    throw new Error(`bench: no row "${question}"${peer === undefined ? "" : ` beside ${peer}`}`);
  return found;
}

function exact(value: number): string {
  if (value >= 100) return Math.round(value).toLocaleString("en");
  return String(Number(value.toPrecision(2)));
}
