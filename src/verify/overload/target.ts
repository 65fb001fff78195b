/** Where the load goes: parsed, resolved, and ours. */

import { lookup } from "node:dns/promises";
import { BlockList, isIP } from "node:net";
import type { Http1Target } from "../load/http1/connections.ts";

/** A target that load may be sent to. */
export interface Target extends Http1Target {
  /** As it is shown: the origin, without a user's name and password. */
  readonly origin: string;
  /** For the `host` header. */
  readonly authority: string;
  /** Path and query of the URL. */
  readonly path: string;
}

/** Why load may not be sent to a URL. */
export class TargetError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "TargetError";
  }
}

/** Finds the addresses of a name. */
export type Resolve = (host: string) => Promise<readonly string[]>;

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet("127.0.0.0", 8, "ipv4");
LOOPBACK.addAddress("::1", "ipv6");

const resolveAll: Resolve = async (host) =>
  (await lookup(host, { all: true, verbatim: true })).map(({ address }) => address);

/**
 * The target of a URL. Load for another host needs `owned`: a name counts as this host when every address it has is
 * loopback. The address is fixed here, so that a name that changes meanwhile leads nowhere else.
 *
 * @throws TargetError
 */
export async function targetOf(url: string, owned: boolean, resolve: Resolve = resolveAll): Promise<Target> {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || !/^https?:$/.test(parsed.protocol))
    throw new TargetError(`expected an http:// or https:// URL, found "${withoutUser(url)}"`);
  if (parsed.username !== "" || parsed.password !== "")
    throw new TargetError("expected a URL without a user and password: put them in the scenario's headers");
  const host = parsed.hostname.replace(/^\[|\]$/g, "");
  const addresses = isIP(host) > 0 ? [host] : await addressesOf(host, resolve);
  const foreign = addresses.find(
    (address) => !LOOPBACK.check(address, isIP(address) === 6 ? "ipv6" : "ipv4"),
  );
  if (foreign !== undefined && !owned) {
    const through = foreign === host ? "" : ` (${foreign})`;
    throw new TargetError(
      `${parsed.host}${through} is not this machine. Load at this rate is an attack on a service that is not yours: ` +
        "add --i-own-this-host when it is",
    );
  }
  const https = parsed.protocol === "https:";
  return {
    host: addresses[0]!,
    port: Number(parsed.port) || (https ? 443 : 80),
    tlsName: https ? host : undefined,
    origin: parsed.origin,
    authority: parsed.host,
    path: `${parsed.pathname}${parsed.search}`,
  };
}

async function addressesOf(host: string, resolve: Resolve): Promise<readonly string[]> {
  let addresses: readonly string[] = [];
  try {
    addresses = await resolve(host);
  } catch {
    // Said below.
  }
  if (addresses.length === 0) throw new TargetError(`no address found for "${host}"`);
  return addresses;
}

function withoutUser(url: string): string {
  return url.replace(/\/\/[^/@]*@/, "//");
}
