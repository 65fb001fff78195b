/**
 * The traffic of a resource, found again by every adapter that is put in front of it: two clients of one account share
 * its retry budget, its keys and what was learned of its models.
 */

import type { Resource } from "../core/resource.ts";
import type { Provider } from "../providers/provider.ts";
import { Traffic } from "./traffic.ts";

/** What an adapter can set of the traffic. */
export interface SharedTrafficOptions {
  /** Our keys at the upstream. Without them the caller's own is sent. */
  readonly keys?: readonly string[] | undefined;
  readonly attempts: number;
  /** Retries as a fraction of a lane's calls. */
  readonly budget: number;
}

const known = new WeakMap<Resource, Map<string, Traffic>>();

/** The one traffic of this resource to this provider with these options. */
export function trafficOf(resource: Resource, provider: Provider, options: SharedTrafficOptions): Traffic {
  const { keys = [], attempts, budget } = options;
  let ofResource = known.get(resource);
  if (ofResource === undefined) known.set(resource, (ofResource = new Map()));
  const name = JSON.stringify([provider.name, attempts, budget, keys]);
  let traffic = ofResource.get(name);
  if (traffic === undefined) {
    traffic = new Traffic(resource, provider, { keys, retry: { attempts, budget } });
    ofResource.set(name, traffic);
  }
  return traffic;
}
