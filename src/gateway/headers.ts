/**
 * Headers as raw arrays, `[name, value, name, value, …]`, both ways: names keep their case, repeated lines stay
 * repeated, and nothing is parsed that is not needed. Dropped are those that belong to one hop (RFC 9110 §7.6.1) and
 * those that are Laneway's own: an upstream must never see a claim (some answer 400), nor a client another gateway's. What
 * the gateway itself has to say of a request is put in here, for the upstreams that may know.
 */

import type { IncomingMessage } from "node:http";
import { BAGGAGE_HEADER, DEADLINE_HEADER, LANE_HEADER } from "../policy/forwarded.ts";
import { Refused } from "./refused.ts";

/** What the names of our own members of baggage begin with. */
const CLAIMS = "laneway.";

const PASS = 0;
const DROP = 1;
const HOST = 2;
const CONNECTION = 3;
const FORWARDED_FOR = 4;
const FORWARDED_HOST = 5;
const FORWARDED_PROTO = 6;
const BAGGAGE = 7;
type Treatment = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7;

const SPECIAL: ReadonlyMap<string, Treatment> = new Map<string, Treatment>([
  ["host", HOST],
  ["connection", CONNECTION],
  ["x-forwarded-for", FORWARDED_FOR],
  ["x-forwarded-host", FORWARDED_HOST],
  ["x-forwarded-proto", FORWARDED_PROTO],
  ["keep-alive", DROP],
  ["te", DROP],
  // Trailers are not passed on, so neither is the promise of them.
  ["trailer", DROP],
  ["transfer-encoding", DROP],
  ["upgrade", DROP],
  ["http2-settings", DROP],
  // Claims of whoever sent the request: an upstream that trusts this gateway would take them for the gateway's own.
  [LANE_HEADER, DROP],
  [DEADLINE_HEADER, DROP],
  [BAGGAGE_HEADER, BAGGAGE],
  // Answered here: see `upload.ts`.
  ["expect", DROP],
]);

const LENGTHS: readonly boolean[] = Array.from({ length: 32 }, (_, length) =>
  [...SPECIAL.keys()].some((name) => name.length === length),
);
const L = 0x6c;
const P = 0x70;

function treatmentOf(name: string): Treatment {
  const first = name.charCodeAt(0) | 0x20;
  const ownOrProxy = first === L || first === P;
  // Most names are neither, which their length and first letter say without a lower-case copy of them.
  if (!ownOrProxy && LENGTHS[name.length] !== true) return PASS;
  const lower = dashed(name);
  if (ownOrProxy && (lower.startsWith("laneway-") || lower.startsWith("proxy-"))) return DROP;
  return SPECIAL.get(lower) ?? PASS;
}

/**
 * The name in lower case, with dashes for underscores: servers that hand headers on as variables (CGI, WSGI) make the same
 * variable of both, and a claim in the other spelling would reach such an upstream as one of ours.
 */
function dashed(name: string): string {
  const lower = name.toLowerCase();
  return lower.includes("_") ? lower.replaceAll("_", "-") : lower;
}

/** What a `connection` header names beside the usual two, lower-case; undefined when nothing. */
function namedByConnection(value: string): ReadonlySet<string> | undefined {
  if (value === "keep-alive" || value === "close") return undefined;
  const names = value
    .toLowerCase()
    .split(",")
    .map((name) => name.trim());
  return new Set(names.filter((name) => name !== "" && name !== "keep-alive" && name !== "close"));
}

function withoutNamed(headers: readonly string[], dropped: ReadonlySet<string>): string[] {
  const kept: string[] = [];
  for (let i = 0; i < headers.length; i += 2) {
    if (!dropped.has(headers[i]!.toLowerCase())) kept.push(headers[i]!, headers[i + 1]!);
  }
  return kept;
}

/** What a request's headers become on the way to the upstream. */
export interface RequestHeadersOptions {
  /** Whether the upstream learns who the client was. */
  readonly tellClient: boolean;
  /** The header that carries claims, lower-case. */
  readonly claimHeader: string;
  /** The client's address. */
  readonly clientAddress: string | undefined;
  /** The headers, lower-case, in which callers send their credentials: taken out where ours goes up instead. */
  readonly credentials?: readonly string[] | undefined;
  readonly credential?: readonly [name: string, value: string] | undefined;
  /** The reply is read here, and must not come compressed. */
  readonly plain?: boolean;
  /** The length of a body that is not the client's own. */
  readonly length?: number | undefined;
  /** Lines that tell the upstream of lane and deadline; undefined for one that is told nothing. */
  readonly told?: readonly string[] | undefined;
}

/** The headers for the upstream. Throws `Refused` when the request names several hosts. `host` is left out, for undici writes the upstream's own. */
export function requestHeaders(req: IncomingMessage, options: RequestHeadersOptions): string[] {
  const raw = req.rawHeaders;
  const headers: string[] = [];
  const dropped = droppedFor(options);
  let named: ReadonlySet<string> | undefined;
  let host = "";
  let forwardedFor = "";
  let forwardedHost = "";
  let forwardedProto = "";
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!;
    const value = raw[i + 1]!;
    switch (treatmentOf(name)) {
      case PASS:
        if (!isOneOf(name, dropped)) headers.push(name, value);
        break;
      case HOST:
        if (host !== "") throw new Refused("bad-request", "expected one host header, found several");
        host = value;
        break;
      case CONNECTION:
        named = namedByConnection(value) ?? named;
        break;
      case BAGGAGE:
        pushBaggage(headers, name, value);
        break;
      case FORWARDED_FOR:
        forwardedFor = forwardedFor === "" ? value : `${forwardedFor}, ${value}`;
        break;
      case FORWARDED_HOST:
        forwardedHost = value;
        break;
      case FORWARDED_PROTO:
        forwardedProto = value;
        break;
      default:
        break;
    }
  }
  const passed = named === undefined || named.size === 0 ? headers : withoutNamed(headers, named);
  if (options.credential !== undefined) passed.push(...options.credential);
  if (options.length !== undefined) passed.push("content-length", `${options.length}`);
  if (options.told !== undefined) passed.push(...options.told);
  if (options.tellClient) {
    const address = options.clientAddress ?? "unknown";
    passed.push("x-forwarded-for", forwardedFor === "" ? address : `${forwardedFor}, ${address}`);
    const dialled = forwardedHost === "" ? host : forwardedHost;
    if (dialled !== "") passed.push("x-forwarded-host", dialled);
    passed.push("x-forwarded-proto", forwardedProto === "" ? "http" : forwardedProto);
  }
  return passed;
}

/** Baggage passes, but for claims of a lane and a deadline. */
function pushBaggage(headers: string[], name: string, value: string): void {
  const kept = value.split(",").filter((member) => !member.trimStart().startsWith(CLAIMS));
  if (kept.length > 0) headers.push(name, kept.join(","));
}

/** The list for most requests, kept from one to the next: the name of the header changes only with the policy. */
let onlyClaims: readonly string[] = [];

/** What must not go up besides what belongs to the hop, lower-case. */
function droppedFor(options: RequestHeadersOptions): readonly string[] {
  const { claimHeader, credentials, plain, length } = options;
  if (claimHeader !== onlyClaims[0]) onlyClaims = [claimHeader];
  if (credentials === undefined && plain !== true && length === undefined) return onlyClaims;
  const dropped: string[] = [claimHeader];
  if (credentials !== undefined) dropped.push(...credentials);
  if (plain === true) dropped.push("accept-encoding");
  if (length !== undefined) dropped.push("content-length");
  return dropped;
}

/** Most names differ from all of these in length already, so that no lower-case copy of them is made. */
function isOneOf(name: string, names: readonly string[]): boolean {
  for (const other of names) if (name.length === other.length && dashed(name) === other) return true;
  return false;
}

/** A reply's headers as they came in bytes, less those of the hop and any that are Laneway's own to set. */
export function replyHeaders(raw: readonly Buffer[]): string[] {
  const headers: string[] = [];
  let named: ReadonlySet<string> | undefined;
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!.toString("latin1");
    const treatment = treatmentOf(name);
    if (treatment === DROP) continue;
    if (treatment !== CONNECTION) headers.push(name, raw[i + 1]!.toString("latin1"));
    else named = namedByConnection(raw[i + 1]!.toString("latin1")) ?? named;
  }
  return named === undefined || named.size === 0 ? headers : withoutNamed(headers, named);
}
