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

/** What is known of one resource: a key has one name in all of its traffics, for it has one allowance. */
interface OfResource {
  readonly traffics: Map<string, Traffic>;
  readonly keyNames: Map<string, string>;
}

const known = new WeakMap<Resource, OfResource>();

/** The one traffic of this resource to this provider with these options. */
export function trafficOf(resource: Resource, provider: Provider, options: SharedTrafficOptions): Traffic {
  const { keys = [], attempts, budget } = options;
  let ofResource = known.get(resource);
  if (ofResource === undefined)
    known.set(resource, (ofResource = { traffics: new Map(), keyNames: new Map() }));
  const { traffics, keyNames } = ofResource;
  const name = JSON.stringify([provider.name, attempts, budget, keys]);
  let traffic = traffics.get(name);
  if (traffic === undefined) {
    const nameOf = (key: string): string => {
      const found = keyNames.get(key) ?? `${keyNames.size}`;
      keyNames.set(key, found);
      return found;
    };
    traffic = new Traffic(resource, provider, { keys, keyNames: nameOf, retry: { attempts, budget } });
    traffics.set(name, traffic);
  }
  return traffic;
}
