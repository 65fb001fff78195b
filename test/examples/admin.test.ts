/** examples/admin stays until it is ended; what it says to type is typed here. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { laneway } from "../cli/command.ts";
import { ROOT } from "../house/source.ts";

const TOKEN = "correct horse battery staple";

test("examples/admin shows its lanes to the commands that it prints", async (t) => {
  const env = { LANEWAY_ADMIN_TOKEN: TOKEN };
  const child = spawn(process.execPath, [join(ROOT, "examples/admin/main.ts")], {
    env: { ...process.env, ...env, PORT: "0" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.after(() => child.kill("SIGKILL"));
  const commands: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    commands.push(line.replace(/^.*?: +/, ""));
    if (commands.length === 3) break;
  }
  const [page, top, override] = commands as [string, string, string];
  assert.equal((await fetch(page)).status, 200);
  const words = (command: string): string[] => command.split(" ").slice(2);
  const table = await laneway(words(top), { env });
  assert.equal(table.code, 0, table.err);
  assert.match(table.out, /^http {2}\d of 4 seats in use/m);
  assert.match(table.out, /^ {2}bulk /m);
  const paused = await laneway(words(override), { env });
  assert.equal(paused.out, "http, lane bulk: paused, 10 min left\n", paused.err);
  child.kill("SIGKILL");
  await once(child, "close");
});
