/** Runs in a guest under a real systemd, whose files it may change: see cgroup2.ts. The service unit of `packaging` at work. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { ServerResponse } from "node:http";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const UNIT = "laneway-gateway.service";
const UNITS = "/run/systemd/system";

/** A process in a changed root, as this guest is, may make no user namespaces, which is all that is left out. */
const HERE = "[Service]\nPrivateUsers=no\n";

function systemctl(...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync("systemctl", args, { encoding: "utf8" });
  assert.equal(status, 0, `systemctl ${args.join(" ")}: ${stderr}`);
  return stdout.trim();
}

async function untilReady(): Promise<void> {
  while (true) {
    const reply = await fetch("http://127.0.0.1:8082/readyz").catch(() => undefined);
    if (reply?.ok) return;
    assert.notEqual(systemctl("show", "--property=ActiveState", "--value", UNIT), "failed");
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test("the unit starts the gateway without rights, within its memory, and a stop drains it", async () => {
  assert.ok(existsSync("/laneway-guest"), "this test writes into /etc: npm run test:cgroup2");
  mkdirSync("/etc/laneway", { recursive: true });
  mkdirSync(`${UNITS}/${UNIT}.d`, { recursive: true });
  cpSync(`${ROOT}packaging/${UNIT}`, `${UNITS}/${UNIT}`);
  cpSync(`${ROOT}packaging/laneway.yaml`, "/etc/laneway/laneway.yaml");
  writeFileSync(`${UNITS}/${UNIT}.d/guest.conf`, HERE);
  writeFileSync("/etc/laneway/environment", "LANEWAY_UPSTREAM=http://127.0.0.1:3999\n", { mode: 0o600 });
  // The unit sees no home folder, and this Node may be in one.
  cpSync(process.execPath, "/opt/laneway-node", { dereference: true });
  const command = `#!/bin/sh\nexec /opt/laneway-node ${ROOT}dist/cli/main.js "$@"\n`;
  mkdirSync("/usr/local/bin", { recursive: true });
  writeFileSync("/usr/local/bin/laneway", command, { mode: 0o755 });

  const held: ServerResponse[] = [];
  const upstream = createServer((_req, res) => void held.push(res)).listen(3999, "127.0.0.1");
  await once(upstream, "listening");
  systemctl("daemon-reload");
  systemctl("start", UNIT);
  await untilReady();
  const pid = systemctl("show", "--property=MainPID", "--value", UNIT);
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  assert.doesNotMatch(status, /^Uid:\s0\s/m);
  for (const set of ["CapEff", "CapPrm", "CapBnd"]) assert.match(status, new RegExp(`^${set}:\\s0+$`, "m"));
  assert.match(status, /^NoNewPrivs:\s1$/m);
  assert.match(status, /^Seccomp:\s2$/m);
  const group = `/sys/fs/cgroup/system.slice/${UNIT}`;
  assert.equal(readFileSync(`${group}/memory.max`, "utf8").trim(), String(2 ** 30));

  const asked = fetch("http://127.0.0.1:8080/slow");
  await once(upstream, "request");
  systemctl("stop", "--no-block", UNIT);
  while ((await fetch("http://127.0.0.1:8082/readyz")).status !== 503);
  held[0]!.end("from the upstream");
  assert.equal(await (await asked).text(), "from the upstream");
  while (systemctl("show", "--property=ActiveState", "--value", UNIT) !== "inactive")
    await new Promise((resolve) => setImmediate(resolve));
  assert.equal(
    systemctl("show", "--property=Result,ExecMainStatus", UNIT),
    "Result=success\nExecMainStatus=0",
  );
  upstream.close();
  upstream.closeAllConnections();
});

test("a policy that is wrong is not started again and again", async () => {
  writeFileSync("/etc/laneway/laneway.yaml", "lanes: nonsense\n");
  systemctl("start", "--no-block", UNIT);
  while (systemctl("show", "--property=ActiveState", "--value", UNIT) !== "failed")
    await new Promise((resolve) => setImmediate(resolve));
  assert.equal(
    systemctl("show", "--property=ExecMainStatus,NRestarts", UNIT),
    "NRestarts=0\nExecMainStatus=4",
  );
});
