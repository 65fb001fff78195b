import assert from "node:assert/strict";
import { test } from "node:test";
import { targetOf, TargetError } from "../../../src/verify/overload/target.ts";

function resolving(
  addresses: Readonly<Record<string, readonly string[]>>,
): (host: string) => Promise<readonly string[]> {
  return async (host) => {
    const found = addresses[host];
    if (found === undefined) throw new Error("ENOTFOUND");
    return found;
  };
}

const NAMES = resolving({
  localhost: ["::1", "127.0.0.1"],
  "shop.example": ["192.0.2.7"],
  "half.example": ["127.0.0.1", "192.0.2.7"],
  "none.example": [],
});

test("this machine is a target by its address and by any name for it", async () => {
  const { host, port, origin, authority, path, tlsName } = await targetOf(
    "http://localhost:3000/a/b?c=1",
    false,
    NAMES,
  );
  assert.deepEqual(
    { host, port, origin, authority, path, tlsName },
    {
      host: "::1",
      port: 3000,
      origin: "http://localhost:3000",
      authority: "localhost:3000",
      path: "/a/b?c=1",
      tlsName: undefined,
    },
  );
  for (const url of [
    "http://127.0.0.1",
    "http://127.9.9.9:80",
    "http://[::1]:8080/",
    "http://[::ffff:127.0.0.1]/",
  ])
    assert.equal(typeof (await targetOf(url, false, NAMES)).port, "number", url);
  const secure = await targetOf("https://localhost", false, NAMES);
  assert.deepEqual([secure.port, secure.tlsName, secure.path], [443, "localhost", "/"]);
});

test("another machine is refused, also behind a name of which only some addresses are this one", async () => {
  for (const url of [
    ...["http://192.0.2.7", "http://shop.example:8080", "http://half.example", "http://[2001:db8::1]/"],
    ...["http://0.0.0.0:3000", "http://[::]:3000"],
  ])
    await assert.rejects(targetOf(url, false, NAMES), (error: unknown) => {
      assert.ok(error instanceof TargetError, url);
      assert.match(error.message, /is not this machine\. .*--i-own-this-host/);
      return true;
    });
  assert.equal((await targetOf("http://shop.example:8080", true, NAMES)).host, "192.0.2.7");
});

test("what is no URL of a service is refused, and no password is repeated", async () => {
  await assert.rejects(targetOf("127.0.0.1:3000", false, NAMES), /expected an http:\/\/ or https:\/\/ URL/);
  await assert.rejects(targetOf("ftp://localhost", false, NAMES), /found "ftp:\/\/localhost"/);
  await assert.rejects(targetOf("http://none.example", true, NAMES), /no address found for "none\.example"/);
  await assert.rejects(targetOf("http://gone.example", true, NAMES), /no address found for "gone\.example"/);
  for (const url of ["http://me:s3cret@localhost", "ftp://me:s3cret@localhost"])
    await assert.rejects(targetOf(url, false, NAMES), (error: Error) => !error.message.includes("s3cret"));
});
