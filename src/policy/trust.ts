/**
 * Who is asking, and what its claim to a lane is worth. A claim may always lower a lane; only a listed caller's claim
 * may raise it, as far as its `upTo`.
 */

import { hash } from "node:crypto";
import { invalid } from "../core/errors.ts";
import { blockListOf, parseCidr } from "./address.ts";
import type { Claim, RequestFacts } from "./classify.ts";
import type { TrustedCaller } from "./policy.ts";

/** Headers whose value is a credential: it identifies, and must never be shown. */
const CREDENTIAL_HEADERS: ReadonlySet<string> = new Set([
  "x-api-key",
  "api-key",
  "x-goog-api-key",
  "authorization",
  "proxy-authorization",
  "cookie",
]);

/** Addresses whose caller is remembered; past it the memory starts afresh, so that a scan cannot fill it. */
const REMEMBERED_ADDRESSES_MAX = 10_000;

/** A claim longer than any lane's name is not worth reading. */
const CLAIM_LENGTH_MAX = 64;

/** Hex digits of a digest that are shown. */
const SHORT_LENGTH = 8;

/** What a policy keeps of a key: its SHA-256, as hex. */
export function keyDigest(key: string): string {
  return hash("sha256", key, "hex");
}

/** Whether values of this header are credentials. `name` is lower-case. */
export function isCredentialHeader(name: string): boolean {
  return CREDENTIAL_HEADERS.has(name);
}

/** How a credential is shown: enough to tell two apart, nothing to log in with. */
export function shortHash(credential: string): string {
  return keyDigest(credential.replace(/^Bearer\s+/i, "")).slice(0, SHORT_LENGTH);
}

/** A listed caller as requests meet it. */
export interface Caller {
  /** How it is shown: its flow, else the short hash of its key, else its range. */
  readonly name: string;
  /** Undefined for a range without a flow: there each address is a flow of its own. */
  readonly flow: string | undefined;
  /** It showed its key, rather than an address. */
  readonly byKey: boolean;
  /** The rank that its claims may reach; the rank past the last lane when they raise nothing. */
  readonly upToRank: number;
}

/** Finds the listed caller that sent a request: by its key, else by the first range that holds its address. */
export class Callers {
  readonly #byKey = new Map<string, Caller>();
  readonly #ranges: { has: (address: string, family: "ipv4" | "ipv6") => boolean; caller: Caller }[] = [];
  readonly #remembered = new Map<string, Caller | undefined>();

  constructor(listed: readonly TrustedCaller[], rankOf: (lane: string) => number, nowhere: number) {
    for (const { keyDigest: key, cidr, flow, upTo } of listed) {
      const upToRank = upTo === undefined ? nowhere : rankOf(upTo);
      if (key !== undefined) {
        const short = key.slice(0, SHORT_LENGTH);
        this.#byKey.set(key, { name: flow ?? short, flow: flow ?? short, byKey: true, upToRank });
      }
      const range = cidr === undefined ? undefined : parseCidr(cidr);
      if (cidr !== undefined && range === undefined)
        throw invalid("trust: cidr", "an address range such as 10.0.0.0/8", cidr);
      if (range === undefined) continue;
      const list = blockListOf(range);
      const caller = { name: flow ?? cidr!, flow, byKey: false, upToRank };
      this.#ranges.push({ has: (address, family) => list.check(address, family), caller });
    }
  }

  find(request: RequestFacts): Caller | undefined {
    if (this.#byKey.size > 0) {
      const known =
        this.#withKey(request.header("x-api-key")) ?? this.#withKey(bearer(request.header("authorization")));
      if (known !== undefined) return known;
    }
    return this.#ranges.length === 0 ? undefined : this.#withAddress(request.remoteAddress);
  }

  /**
   * Digests are looked up, keys are never compared. How long a look-up takes depends on the digest of a guess, which
   * whoever guesses cannot steer: to learn the first half of a key's digest would not help to find a key with that
   * half. The digest itself takes the same time for every key of a length.
   */
  #withKey(key: string | undefined): Caller | undefined {
    return typeof key === "string" && key !== "" ? this.#byKey.get(keyDigest(key)) : undefined;
  }

  #withAddress(address: string | undefined): Caller | undefined {
    if (address === undefined) return undefined;
    const known = this.#remembered.get(address);
    if (known !== undefined || this.#remembered.has(address)) return known;
    // An IPv6 look-up finds IPv4 ranges too, for the IPv4 peers that a dual-stack socket reports as ::ffff:10.0.0.1.
    const family = address.includes(":") ? "ipv6" : "ipv4";
    const caller = this.#ranges.find(({ has }) => has(address, family))?.caller;
    if (this.#remembered.size >= REMEMBERED_ADDRESSES_MAX) this.#remembered.clear();
    this.#remembered.set(address, caller);
    return caller;
  }
}

function bearer(authorization: string | undefined): string | undefined {
  if (typeof authorization !== "string" || authorization.slice(0, 7).toLowerCase() !== "bearer ")
    return undefined;
  return authorization.slice(7).trim();
}

/** The lanes as claims see them. */
export interface Ranks {
  readonly names: readonly string[];
  readonly byName: ReadonlyMap<string, number>;
  /** Ranks that a claim may name: all but those of exempt lanes, which would be a way around every limit. */
  readonly claimable: readonly number[];
  readonly defaultRank: number;
}

/**
 * Weighs a claim against the lane that the rules gave. `header` is the lower-case name of the header it came in.
 * Undefined: there is no claim.
 */
export function weighClaim(
  value: string | undefined,
  header: string,
  rank: number,
  ranks: Ranks,
  caller: Caller | undefined,
): { rank: number; claim: Claim } | undefined {
  if (typeof value !== "string" || value === "") return undefined;
  const urgency = header === "priority" ? urgencyOf(value) : undefined;
  if (header === "priority" && urgency === undefined) return undefined;
  // What is counted by its claim must be one of a few: the rest of a Priority header is the client's own text.
  const text = urgency === undefined ? value.trim() : `u=${urgency}`;
  const claimed = text.length > CLAIM_LENGTH_MAX ? `${text.slice(0, CLAIM_LENGTH_MAX)}…` : text;
  const wanted = urgency === undefined ? ranks.byName.get(claimed) : urgencyRank(urgency, ranks);
  if (wanted === undefined) return { rank, claim: { claimed, decision: "unknown-lane" } };
  if (wanted === rank) return { rank, claim: { claimed, decision: "granted" } };
  if (!ranks.claimable.includes(wanted)) return { rank, claim: { claimed, decision: "not-trusted" } };
  if (wanted > rank) return { rank: wanted, claim: { claimed, decision: "lowered" } };
  if (caller === undefined || caller.upToRank >= ranks.names.length)
    return { rank, claim: { claimed, decision: "not-trusted" } };
  if (wanted >= caller.upToRank) return { rank: wanted, claim: { claimed, decision: "granted" } };
  return { rank: Math.min(rank, caller.upToRank), claim: { claimed, decision: "capped" } };
}

/** `u` of an RFC 9218 `Priority` header, 0 (most urgent) to 7; undefined when it is absent or out of bounds. */
function urgencyOf(value: string): number | undefined {
  if (value.length > 256) return undefined;
  // In a structured dictionary the last of two equal keys counts.
  let urgency: number | undefined;
  for (const member of value.split(",")) {
    const found = /^\s*u=([0-7])\s*(?:;.*)?$/.exec(member);
    if (found !== null) urgency = Number(found[1]);
  }
  return urgency;
}

/**
 * The eight urgencies over however many lanes there are: 3, the default of RFC 9218, is the default lane; 0 is the top
 * lane and 7 the lowest, and what lies between is spread evenly on either side.
 */
function urgencyRank(urgency: number, { claimable, defaultRank }: Ranks): number | undefined {
  const middle = claimable.indexOf(defaultRank);
  if (middle === -1) return undefined;
  const below = claimable.length - 1 - middle;
  return claimable[
    urgency <= 3 ? Math.round((urgency / 3) * middle) : middle + Math.round(((urgency - 3) / 4) * below)
  ];
}
