import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { adminAddress } from "../../../src/cli/live/address.ts";
import { folderWith } from "../command.ts";

async function ofPolicy(t: TestContext, policy: string): Promise<string> {
  const folder = await folderWith(t, { "laneway.yaml": policy });
  const found = await adminAddress(undefined, join(folder, "laneway.yaml"));
  return "wrong" in found ? found.wrong.replace(folder, "") : found.url.href;
}

async function given(text: string): Promise<string> {
  const found = await adminAddress(text);
  return "wrong" in found ? found.wrong : found.url.href;
}

test("an address is taken with or without its protocol, and a path is that of the pages", async () => {
  assert.equal(await given("127.0.0.1:8081"), "http://127.0.0.1:8081/");
  assert.equal(await given("https://lanes.example/internal/lanes"), "https://lanes.example/internal/lanes/");
  assert.match(await given("http://a:secret@h/"), /^--admin: expected a URL without a user or password/);
  assert.ok(!(await given("http://a:secret@h/")).includes("secret"));
  assert.match(await given("http://"), /^--admin: expected a URL such as/);
});

test("the policy's admin port is where it listens, every address being this machine's own", async (t) => {
  assert.equal(await ofPolicy(t, 'gateway: { admin: "0.0.0.0:9000" }'), "http://127.0.0.1:9000/");
  assert.equal(await ofPolicy(t, 'gateway: { admin: "[::]:9000" }'), "http://[::1]:9000/");
  assert.match(await ofPolicy(t, "gateway: { admin: false }"), /laneway\.yaml has no admin port/);
  assert.match(await ofPolicy(t, 'gateway: { admin: "127.0.0.1:0" }'), /does not say where it listens/);
});

test("a policy that somebody else wrote sends nobody, and no token, to a host of his choice", async (t) => {
  for (const host of ["collects-tokens.example", "192.0.2.1", "[2001:db8::1]"])
    assert.match(
      await ofPolicy(t, `gateway: { admin: "${host}:8081" }`),
      /which is no address of this machine; if you trust it, name it with --admin URL/,
    );
});

test("without a policy, or with one that is none, it is the default", async (t) => {
  for (const policy of ["", "enforce: true", "gateway:", "[", "a: b: c"])
    assert.equal(await ofPolicy(t, policy), "http://127.0.0.1:8081/", policy);
  const folder = await folderWith(t, {});
  const none = await adminAddress(undefined, join(folder, "none.yaml"));
  assert.ok("url" in none && none.url.href === "http://127.0.0.1:8081/");
});
