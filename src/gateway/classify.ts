/** Step one: where a request goes, in which lane, for whom. Reads the body only when that decides something. */

import type { Classification } from "../policy/classify.ts";
import type { Laneway } from "../policy/laneway.ts";
import type { Call } from "./call.ts";
import { bodyFacts } from "../providers/body-facts.ts";
import { readsWholeBody } from "./plan.ts";
import { Refused } from "./refused.ts";
import type { Upstream, Upstreams } from "./upstream.ts";
import { hasBody, hasSmallBody, readWhole, SMALL_BODY_BYTES } from "./upload.ts";

export interface Route {
  readonly upstream: Upstream;
  readonly classification: Classification;
}

/** Whether the model of this call must be known before its lane is. */
export function needsModel(call: Call, upstreams: Upstreams): boolean {
  return (
    upstreams.needModel &&
    call.method === "POST" &&
    call.provider?.namesModel(call.pathname) === true &&
    hasBody(call.req)
  );
}

/** Reads the body for its model. A compressed body shows none: rules on models pass it by. */
export async function readModel(call: Call, maxBytes: number): Promise<void> {
  call.body = await readWhole(call, maxBytes);
  call.facts = bodyFacts(call.body);
  call.model = call.facts.model;
}

/** Finds lane, flow and upstream. Throws `Refused` for a request that has nowhere to go. */
export function classify(call: Call, laneway: Laneway, upstreams: Upstreams): Route {
  if (call.path.charCodeAt(0) !== 0x2f)
    throw new Refused(
      "bad-request",
      `expected a path that starts with "/", found ${JSON.stringify(call.path)}`,
    );
  // No part of a target in HTTP: what stands behind it is the path's end to one server and its middle to the next.
  if (call.path.includes("#"))
    throw new Refused(
      "bad-request",
      `expected a path without "#", which a client keeps to itself, found ${JSON.stringify(call.path)}`,
    );
  if (/websocket/i.test(call.header("upgrade") ?? ""))
    throw new Refused(
      "not-implemented",
      "this gateway does not carry WebSocket connections; let the client reach the upstream directly for those",
    );
  const classification = laneway.classify(call);
  const { resource } = classification;
  const upstream = resource === undefined ? upstreams.byShape(call.provider) : upstreams.named(resource);
  if (upstream === undefined) throw new Refused("not-found", nowhere(call, resource, classification.rule));
  return { upstream, classification };
}

/**
 * Small bodies are read before admission: a slow sender must not hold a seat. So are those that say what a call costs
 * and that a retry needs again; the rest stream.
 */
export function mustReadBody(call: Call, { upstream }: Route): boolean {
  if (call.body !== undefined) return false;
  return readsWholeBody(call, upstream) || (hasSmallBody(call.req) && hasBody(call.req));
}

export async function readBody(call: Call, { upstream }: Route, maxBytes: number): Promise<void> {
  const whole = readsWholeBody(call, upstream);
  call.body = await readWhole(call, whole ? maxBytes : SMALL_BODY_BYTES);
  if (whole) call.facts = bodyFacts(call.body);
}

function nowhere(call: Call, resource: string | undefined, rule: string): string {
  if (resource !== undefined)
    return `${rule} sends this request to the resource "${resource}", which has no upstream; give it one in the policy`;
  return `no resource of the policy takes ${call.method} ${call.pathname}; add one with an upstream, or a rule that names one`;
}
