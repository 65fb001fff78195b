/** Where the admin pages are that a command asks: named, or those of the policy here, or those of a gateway by default. */

import { readFile } from "node:fs/promises";
import { hostname, networkInterfaces } from "node:os";
import { isLoopback, parseAddress } from "../../policy/address.ts";

const DEFAULT_FILE = "laneway.yaml";
const DEFAULT_ADDRESS = "127.0.0.1:8081";
/** What a server listens on that takes every address; this machine's own is where it is found. */
const ANY: Readonly<Record<string, string>> = { "0.0.0.0": "127.0.0.1", "::": "::1" };

/** An address, or the sentence that says what is wrong with it. */
export type AdminAddress = { readonly url: URL } | { readonly wrong: string };

/**
 * `http://127.0.0.1:3000/lanes` and `127.0.0.1:8081` as they are given; without one what `gateway.admin` says in the
 * policy here. Of that file nothing else is read: who watches need not have the keys that it names.
 */
export async function adminAddress(given: string | undefined, file?: string): Promise<AdminAddress> {
  if (given !== undefined) return named(given);
  const { admin, from } = await ofPolicy(file ?? DEFAULT_FILE);
  if (admin === false)
    return { wrong: `${from} has no admin port (gateway.admin: false); name one with --admin URL` };
  const address = parseAddress(typeof admin === "string" ? admin : DEFAULT_ADDRESS);
  if (address === undefined || address.port === 0)
    return {
      wrong: `${from}: gateway.admin does not say where it listens; name the address with --admin URL`,
    };
  const host = ANY[address.host] ?? address.host;
  if (!isOwn(host))
    return {
      wrong: `${from}: gateway.admin is ${host}, which is no address of this machine; if you trust it, name it with --admin URL`,
    };
  return { url: new URL(`http://${host.includes(":") ? `[${host}]` : host}:${address.port}/`) };
}

/** A file that somebody else wrote may name any host, and whoever asks there shows the admin token. */
function isOwn(host: string): boolean {
  if (isLoopback(host) || host === hostname()) return true;
  return Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === host));
}

function named(given: string): AdminAddress {
  const text = /^https?:\/\//i.test(given) ? given : `http://${given}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || url.hostname === "" || url.search !== "" || url.hash !== "")
    return { wrong: `--admin: expected a URL such as http://127.0.0.1:8081, found ${JSON.stringify(given)}` };
  if (url.username !== "" || url.password !== "")
    return {
      wrong: "--admin: expected a URL without a user or password; the token comes from the environment",
    };
  if (!url.pathname.endsWith("/")) url.pathname += "/";
  return { url };
}

async function ofPolicy(file: string): Promise<{ admin: unknown; from: string }> {
  try {
    const { parse } = await import("yaml");
    const policy = parse(await readFile(file, "utf8"), { logLevel: "silent" }) as {
      readonly gateway?: { readonly admin?: unknown } | null;
    } | null;
    return { admin: policy?.gateway?.admin, from: file };
  } catch {
    // Not there, or no policy: then the gateway that runs was not started from it either.
    return { admin: undefined, from: file };
  }
}
