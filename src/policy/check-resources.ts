/** What resources and the gateway's addresses mean. */

import { ADAPTIVE_DEFAULTS } from "../core/limit/limit-options.ts";
import { isLoopback, parseAddress } from "./address.ts";
import { checkGuarantees, checkLane } from "./check-lanes.ts";
import type { Path } from "./document.ts";
import { mapAt, textAt } from "./draft.ts";
import type { Draft } from "./draft.ts";
import { limitByDefault, OWN_REQUESTS } from "./policy.ts";
import { pathName, valueAt } from "./wording.ts";

/** Reports resources without a limit or an upstream, and lanes refined that there are not. */
export function checkResources(draft: Draft): void {
  const { document, value, lanes, resources, unknownLane } = draft;
  const own = mostSeats(limitByDefault(OWN_REQUESTS, undefined));
  // A policy that names no resource has one all the same.
  if (resources.length === 0 && typeof own === "number") checkGuarantees(draft, OWN_REQUESTS, own, ["lanes"]);
  for (const name of resources) {
    const path: Path = ["resources", name];
    const resource = mapAt(value, path);
    if (resource === undefined) continue;
    const place = pathName(document, value, path);
    const { provider, upstream, limit } = resource;
    if (provider !== undefined && upstream === undefined) {
      document.report(
        [...path, "provider"],
        `${place}: a resource with a provider needs an upstream`,
        "add upstream: URL",
      );
    }
    const byDefault = limitByDefault(name, upstream);
    if (limit === undefined && byDefault === undefined && provider === undefined) {
      document.reportName(
        path,
        `${place}: the field "limit" is missing; expected a whole number of seats`,
        "how much may run at once?",
      );
    }
    checkUpstream(draft, [...path, "upstream"]);
    for (const lane of Object.keys(mapAt(resource, ["lanes"]) ?? {})) {
      if (!lanes.has(lane)) unknownLane([...path, "lanes", lane], lane);
      checkLane(draft, [...path, "lanes", lane], lanes.get(lane)?.exempt === true);
    }
    const seats = mostSeats(limit ?? byDefault);
    checkAdaptive(draft, [...path, "limit"]);
    if (typeof seats === "number" && Number.isInteger(seats) && seats > 0)
      checkGuarantees(draft, name, seats);
  }
}

/** The most that a limit may come to be: what guarantees must fit into. */
function mostSeats(limit: unknown): unknown {
  if (limit === "adaptive") return ADAPTIVE_DEFAULTS.max;
  return mapAt(limit, []) === undefined ? limit : (valueAt(limit, ["max"]) ?? ADAPTIVE_DEFAULTS.max);
}

/** Reports bounds of an adaptive limit that leave nothing between them. */
function checkAdaptive({ document, value }: Draft, path: Path): void {
  const { min, max, start } = mapAt(value, path) ?? {};
  const place = pathName(document, value, path);
  const report = (field: string, bound: string, seats: number): void => {
    const [found, other] = [field, bound].map((each) =>
      document.show([...path, each], valueAt(value, [...path, each])),
    );
    const most = field === "min" || bound === "max" ? "most" : "least";
    document.report(
      [...path, field],
      `${place}.${field}: expected at ${most} its ${bound}, ${other ?? seats}, found ${found}`,
    );
  };
  if (typeof min === "number" && typeof max === "number" && min > max) report("min", "max", max);
  else if (typeof start === "number" && typeof max === "number" && start > max) report("start", "max", max);
  else if (typeof start === "number" && typeof min === "number" && start < min) report("start", "min", min);
}

function checkUpstream({ document, value }: Draft, path: Path): void {
  const upstream = valueAt(value, path);
  if (typeof upstream !== "string") return;
  const place = pathName(document, value, path);
  const found = document.show(path, upstream);
  const url = URL.canParse(upstream) ? new URL(upstream) : undefined;
  if (url === undefined || (url.protocol !== "http:" && url.protocol !== "https:")) {
    const hint =
      /^[\w.-]+(?::\d+)?(?:\/|$)/.test(upstream) && document.isShown(path)
        ? `did you mean "http://${upstream}"?`
        : undefined;
    document.report(path, `${place}: expected an http:// or https:// URL, found ${found}`, hint);
  } else if (url.username !== "" || url.password !== "") {
    document.report(
      path,
      `${place}: expected a URL without user and password`,
      "an upstream gets the caller's own credential",
    );
  } else if (url.search !== "" || url.hash !== "") {
    document.report(path, `${place}: expected a URL without ? and #, found ${found}`);
  }
}

/** What nobody guesses. */
const TOKEN_SHORTEST = 16;

/** Reports addresses that nothing can listen on, twice the same one, and an admin port open to the network. */
export function checkGateway(draft: Draft): void {
  const { document, value } = draft;
  const token = textAt(value, ["gateway", "adminToken"]);
  const users = new Map<string, string>();
  for (const field of ["listen", "admin", "probes"]) {
    const path = ["gateway", field];
    const text = textAt(value, path);
    if (text === undefined) continue;
    const place = pathName(document, value, path);
    const address = parseAddress(text);
    if (address === undefined) {
      const hint =
        /^:?\d+$/.test(text) && document.isShown(path)
          ? `did you mean "127.0.0.1:${text.replace(":", "")}"?`
          : undefined;
      document.report(
        path,
        `${place}: expected host:port, such as 127.0.0.1:8080, found ${document.show(path, text)}`,
        hint,
      );
      continue;
    }
    const user = users.get(text);
    users.set(text, user ?? field);
    if (user !== undefined && address.port !== 0) {
      document.report(path, `${place}: the same address as gateway.${user}`, "each needs a port of its own");
    }
    if (field === "admin" && !isLoopback(address.host) && token === undefined) {
      document.report(
        path,
        `${place}: expected a loopback address such as 127.0.0.1:8081, or a gateway.adminToken, found ${document.show(path, text)}`,
        "for health checks from outside use gateway.probes",
      );
    }
  }
  // An empty one too, of a variable that is not set say: it would be anybody's.
  const given = valueAt(value, ["gateway", "adminToken"]);
  if (typeof given === "string" && given.trim().length < TOKEN_SHORTEST)
    document.report(
      ["gateway", "adminToken"],
      `gateway.adminToken: expected ${TOKEN_SHORTEST} characters or more, found fewer`,
      "make one with: openssl rand -hex 24",
    );
}
