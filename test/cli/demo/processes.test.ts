import assert from "node:assert/strict";
import { test } from "node:test";
import type { GatewayReady, GatewayStart } from "../../../src/cli/demo/gateway-process.ts";
import { startChild } from "../../../src/verify/child.ts";
import type { StandInCommand, StandInMessage } from "../../../src/verify/stand-in/stand-in-process.ts";

test("a child that fails tells its name, its exit code and its last words to whoever waits for it", async () => {
  const child = startChild<GatewayStart, GatewayReady>(
    "the gateway",
    "../../../src/cli/demo/gateway-process",
    import.meta.url,
  );
  child.send({ policyFile: "/nowhere/laneway.yaml", variables: {} });
  await assert.rejects(
    child.next((message) => message),
    /^Error: the gateway ended with code 1:\n.*\/nowhere\/laneway\.yaml/,
  );
  await child.stop();
});

test("a child that is stopped ends quietly, however often it is told", async () => {
  const child = startChild<StandInCommand, StandInMessage>(
    "the stand-in",
    "../../../src/verify/stand-in/stand-in-process",
    import.meta.url,
  );
  child.send({ type: "start", atOnce: 1, runMs: 0 });
  const url = await child.next((message) => (message.type === "ready" ? message.url : undefined));
  assert.equal((await fetch(url)).status, 200);
  await child.stop();
  await child.stop();
  await assert.rejects(fetch(url));
});

test("a module that does not exist fails with its name instead of hanging", async () => {
  const child = startChild<never, never>("the ghost", "./no-such-process", import.meta.url);
  await assert.rejects(
    child.next((message) => message),
    /^Error: the ghost ended with code 1:[\s\S]*no-such-process/,
  );
});
