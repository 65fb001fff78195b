/** What the gateway counts beside its resources, for its page of metrics. */

import { counter } from "../metrics/family.ts";
import type { Family, Sample } from "../metrics/family.ts";
import { REASONS } from "../core/errors.ts";
import type { Policy } from "../policy/policy.ts";
import type { Counters } from "./report.ts";

/** Every upstream has each of its failures at 0 from the start. */
export function gatewayFamilies(counters: Counters, policy: Policy): Family[] {
  const upstreams = Object.values(policy.resources).filter(({ upstream }) => upstream !== undefined);
  const failures = upstreams.flatMap(({ name: resource }) =>
    REASONS.LANEWAY_UPSTREAM.map((reason) => ({ labels: { resource, reason }, value: 0 })),
  );
  const fallbacks = upstreams.flatMap(({ name: resource, fallback }) =>
    fallback?.resource === undefined ? [] : [{ labels: { resource, to: fallback.resource }, value: 0 }],
  );
  return [
    counter(
      "laneway_upstream_failures_total",
      "Upstream calls that brought no whole reply, by reason.",
      counted(
        failures,
        [...counters.upstreamFailures.values()].map(({ count, ...labels }) => ({ labels, value: count })),
      ),
    ),
    counter(
      "laneway_retries_total",
      "Upstream calls made again at the task's own place, by what had gone wrong.",
      [...counters.retries.values()].map(({ count, ...labels }) => ({ labels, value: count })),
    ),
    counter(
      "laneway_fallbacks_total",
      "Requests served by the fallback of a resource.",
      counted(
        fallbacks,
        [...counters.fallbacks.values()].map(({ count, ...labels }) => ({ labels, value: count })),
      ),
    ),
  ];
}

/** What was counted, and the zeros of what was not. */
function counted(zeros: readonly Sample[], found: readonly Sample[]): Sample[] {
  const key = ({ labels }: Sample): string => Object.values(labels).join("\n");
  const known = new Set(found.map(key));
  return [...found, ...zeros.filter((zero) => !known.has(key(zero)))];
}
