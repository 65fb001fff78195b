/** A `Laneway` with its pages on a port: some of its tasks run, some wait, some were shed, and it ticks when told to. */

import { once } from "node:events";
import { createServer } from "node:http";
import type { Server } from "node:http";
import type { TestContext } from "node:test";
import { CallNotes } from "../../src/admin/journeys.ts";
import { adminPages } from "../../src/admin/handler.ts";
import type { AdminHandler, AdminOptions } from "../../src/admin/handler.ts";
import { Laneway } from "../../src/policy/laneway.ts";
import { parsePolicy } from "../../src/policy/policy.ts";
import type { Policy } from "../../src/policy/policy.ts";
import { portOf } from "./browser.ts";

/** What the tests sign in with. */
export const TOKEN = "a token for the tests alone";
/** No file may name a lane so; a policy that is made in code may. */
export const ODD = "<script>alert(1)</script>";

const POLICY = `
lanes:
  - { name: critical, reservation: 2, lendable: 0, objective: { wait: 50ms } }
  - { name: normal, reservation: 1 }
  - { name: bulk, queue: { max: 40 } }
resources:
  db: { limit: 6 }
  mail: { limit: 3, order: weighted }
`;

/** Ends what still waits or runs: its time-out would keep the process. */
const leaving = new WeakMap<Laneway, AbortController>();

/** A server with its pages. */
export interface Served {
  readonly laneway: Laneway;
  readonly pages: AdminHandler;
  readonly server: Server;
  readonly address: string;
}

/** The tests' policy; `odd` calls its lowest lane what no lane should be called. */
export async function policyOf({ odd = false }: { readonly odd?: boolean } = {}): Promise<Policy> {
  const policy = await parsePolicy(POLICY);
  if (!odd) return policy;
  const renamed = <T extends { readonly name: string }>(lane: T): T =>
    lane.name === "bulk" ? { ...lane, name: ODD } : lane;
  const resources = Object.entries(policy.resources).map(
    ([name, resource]) => [name, { ...resource, lanes: resource.lanes.map(renamed) }] as const,
  );
  return {
    ...policy,
    lanes: policy.lanes.map(renamed),
    resources: Object.fromEntries(resources),
  };
}

/** Serves them until the test ends. The feed ticks only by `pages.feed.tick()`. */
export async function served(
  t: TestContext,
  { port = 0, policy, ...options }: AdminOptions & { readonly port?: number; readonly policy?: Policy } = {},
): Promise<Served> {
  const laneway = new Laneway(policy ?? (await policyOf()));
  leaving.set(laneway, new AbortController());
  const pages = adminPages(laneway, { log: () => undefined, repeat: () => () => undefined, ...options });
  const server = createServer(pages).listen(port, "127.0.0.1");
  await once(server, "listening");
  t.after(() => stopped({ laneway, pages, server }));
  return { laneway, pages, server, address: `http://127.0.0.1:${portOf(server)}${options.prefix ?? "/"}` };
}

/** Ends a server as a process that dies would: its streams break off. Twice is the same. */
export async function stopped({
  laneway,
  pages,
  server,
}: Pick<Served, "laneway" | "pages" | "server">): Promise<void> {
  pages.close();
  leaving.get(laneway)?.abort();
  laneway.close();
  if (!server.listening) return;
  const closed = once(server, "close");
  server.close();
  server.closeAllConnections();
  await closed;
}

/** Tasks in every state: `bulk` holds what it may and waits, one was shed, one finished after two tries. */
export async function busy(
  at: Served,
  { lane = "bulk", waiting = 30 }: { readonly lane?: string; readonly waiting?: number } = {},
): Promise<void> {
  const { laneway, pages } = at;
  const db = laneway.resource("db");
  const note = new CallNotes();
  note.tries = [
    { result: "529 overloaded", ms: 40 },
    { result: "200", ms: 120 },
  ];
  note.firstByteMs = 180;
  const done = await db.acquire({
    lane: "critical",
    id: "req-two-tries",
    flow: "chat",
    rule: "laneway.yaml:7 path /chat",
    note,
  });
  done.release();
  for (let i = 0; i < 4; i++) await hold(laneway, { lane, flow: `tenant-${i}` });
  await hold(laneway, { lane: "critical", flow: "chat" });
  queueUp(at, waiting, lane);
  db.update({ queue: { max: waiting } });
  await db
    .acquire({ lane, id: "req-shed", flow: "tenant-9", rule: "laneway.yaml:9 path /export/**" })
    .catch(() => undefined);
  pages.feed.tick();
}

/** Some more that wait, until the test ends; nobody asks what becomes of them. */
export function queueUp({ laneway }: Served, count: number, lane = "bulk"): void {
  const { signal } = leaving.get(laneway)!;
  for (let i = 0; i < count; i++)
    laneway
      .resource("db")
      .acquire({ lane, flow: `tenant-${i % 4}`, signal })
      .then(
        (permit) => permit.release(),
        () => undefined,
      );
}

/** Takes a seat until the test ends. */
async function hold(laneway: Laneway, task: { readonly lane: string; readonly flow: string }): Promise<void> {
  const { signal } = leaving.get(laneway)!;
  const db = laneway.resource("db");
  const permit = await db.acquire({ ...task, signal });
  signal.addEventListener("abort", () => permit.release(), { once: true });
}
