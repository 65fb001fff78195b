/** What docs/guides/protect-an-http-service.md prints is what is printed: by its commands, and to a refused client. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { httpLanes } from "../../src/adapters/http.ts";
import type { Permit } from "../../src/core/permit.ts";
import { Laneway } from "../../src/policy/laneway.ts";
import { parsePolicy } from "../../src/policy/policy.ts";
import { examplesOf, isPolicy } from "../house/examples.ts";
import { checkPolicy, pageFolder, runScript } from "../house/run-example.ts";
import { ROOT } from "../house/source.ts";
import { fetchText, until } from "../conformance/client.ts";

const PAGE = "docs/guides/protect-an-http-service.md";
const blocks = examplesOf(ROOT, PAGE);

test("every line that the guide shows below a command is printed by it", async () => {
  const folder = pageFolder("docs/guides/protect-an-http-service-printed.md");
  let shown = 0;
  for (const [index, block] of blocks.entries()) {
    if (isPolicy(block)) assert.equal((await checkPolicy(folder, block)).code, 0);
    const below = blocks[index + 1];
    if (!block.marks.has("run") || below?.language !== "") continue;
    const { output } = await runScript(folder, block);
    const printed = new Set(output.split("\n"));
    for (const line of below.code.split("\n").filter(Boolean))
      assert.ok(printed.has(line), `${PAGE}:${below.line}: "${line}" is not in\n${output}`);
    shown++;
  }
  assert.equal(shown, 2);
});

/** The guide's own service, held at its limit, with a full queue of `flows` in the lane of exports. */
async function fullService(t: TestContext, flows: readonly string[]): Promise<string> {
  const policy = await parsePolicy(blocks.find(isPolicy)!.code.replace("enforce: false", ""));
  const laneway = new Laneway(policy);
  const http = laneway.resource("http");
  const server = createServer(httpLanes(laneway, (_req, res) => res.end("served")));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const gone = new AbortController();
  const permits = ["critical", "normal"].flatMap((lane) => {
    const held: Permit[] = [];
    for (let permit; (permit = http.tryAcquire({ lane })) !== undefined;) held.push(permit);
    return held;
  });
  t.after(() => {
    server.close();
    gone.abort();
    for (const permit of permits) permit.release();
  });
  const max = policy.lanes.find(({ name }) => name === "bulk")!.queue.max;
  for (let n = 0; n < max; n++)
    http.acquire({ lane: "bulk", flow: flows[n % flows.length]!, signal: gone.signal }).catch(() => {});
  await until(() => http.snapshot().waiting === max);
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/export/orders`;
}

/** A reply as the guide shows it; what differs from one run to the next as `N` or `ID`. */
function masked(text: string): string {
  return text.replaceAll(/lw_\w+/g, "ID").replaceAll(/(length: |after: |t=|again in )[\d.]+/g, "$1N");
}

for (const [status, flows] of [
  [503, ["127.0.0.1"]],
  [429, ["127.0.0.1", "127.0.0.1", "somebody else"]],
] as const)
  test(`the ${status} that the guide shows is the one that is sent`, async (t) => {
    const url = await fullService(t, flows);
    const { status: found, headers, body } = await fetchText(url);
    assert.equal(found, status);
    const names = Object.keys(headers).filter((name) => !/^(date|connection|keep-alive)$/.test(name));
    const shown = blocks.find(({ code }) => code.startsWith(`HTTP/1.1 ${status}`))!.code.split("\n");
    const sent = [...names.map((name) => `${name}: ${String(headers[name])}`), "", body, ""];
    assert.equal(masked(shown.slice(1).join("\n")), masked(sent.join("\n")));
  });
