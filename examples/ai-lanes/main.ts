/**
 * One account of a provider, used by a chat, a background pipeline and a batch of documents at the same time.
 *
 *     node examples/ai-lanes/main.ts                             against a stand-in: no key, no network
 *     node examples/ai-lanes/main.ts https://api.anthropic.com   for real, with the key in ANTHROPIC_API_KEY
 *
 * DOCUMENTS and PORT change the size of the batch and the port of the chat.
 */

import { fileURLToPath } from "node:url";
import { Laneway } from "laneway";
import { startChat } from "./chat.ts";
import { labelDocuments } from "./documents.ts";
import { askIn } from "./model.ts";
import { showLanes, verdict } from "./report.ts";
import { summariseTickets } from "./tickets.ts";
import { openUpstream } from "./upstream.ts";
import { visit } from "./visitors.ts";
import type { Chatted } from "./visitors.ts";

const VISITORS = ["ada", "grace"];
const count = Number(process.env["DOCUMENTS"] ?? 210);

const laneway = await Laneway.fromFile(fileURLToPath(new URL("laneway.yaml", import.meta.url)), {
  watch: true,
});
const claude = laneway.resource("claude");
const { budgets } = laneway.policy.resources["claude"]!;
const upstream = await openUpstream(process.argv[2] ?? process.env["LANEWAY_URL"], budgets);

// The first signal takes no new work and finishes what was accepted; the second is the system's, and ends it at once.
const stopping = new AbortController();
for (const signal of ["SIGTERM", "SIGINT"] as const)
  process.once(signal, () => {
    console.log(`${signal}: no new work, finishing what was accepted`);
    stopping.abort();
    void laneway.drain({ timeoutMs: 20_000 });
  });

const { server, url } = await startChat(
  laneway,
  askIn("critical", claude, upstream),
  Number(process.env["PORT"] ?? 0),
);
console.log(`chat on ${url}/chat, numbers on ${url}/stats, ${count} documents to label\n`);
const stopShowing = showLanes(laneway);

const chatted: Chatted = { answers: 0, failures: 0 };
const whileBatch = new AbortController();
const done = AbortSignal.any([stopping.signal, whileBatch.signal]);
const visitors = Promise.all(VISITORS.map((name) => visit(url, name, done, chatted)));
const tickets = summariseTickets(askIn("normal", claude, upstream), done);

const documents = Array.from(
  { length: count },
  (_, n) => `document ${n + 1}, about lifts and who may use them`,
);
let labelled = 0;
for await (const _label of labelDocuments(documents, askIn("batch", claude, upstream), stopping.signal))
  labelled++;

whileBatch.abort();
await visitors;
const summaries = await tickets;
stopShowing();
server.close();
const clean = await laneway.drain({ timeoutMs: 20_000 });
laneway.close();
await upstream.close();

const objectiveMs = laneway.policy.lanes[0]!.objective.waitMs;
const { waitMs } = claude.snapshot().lanes[0]!;
const stopped = stopping.signal.aborted;
const kept = verdict([
  {
    what: `${chatted.answers} answers in the chat, wait p99 ${Math.round(waitMs.p99)} ms of at most ${objectiveMs} ms`,
    kept: waitMs.p99 <= objectiveMs && (stopped || chatted.failures === 0),
  },
  {
    what: `${labelled} of ${count} documents labelled${stopped ? ", the rest is for the next run" : ""}, ${summaries} tickets`,
    kept: stopped || labelled === count,
  },
  {
    what: `${upstream.refused()} times refused by the provider for our rate (429)`,
    kept: upstream.refused() === 0,
  },
  { what: "nothing that was accepted is left unsettled", kept: clean && claude.snapshot().seatsInUse === 0 },
]);
process.exitCode = kept ? 0 : 1;
