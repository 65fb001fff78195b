/** A policy in force: its resources, its rules, and the file they came from. */

import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { Clock } from "../core/clock.ts";
import { invalid } from "../core/errors.ts";
import type { ResourceSnapshot } from "../core/snapshot.ts";
import { Resource } from "../node/resource.ts";
import { systemClock } from "../node/system-clock.ts";
import { compileClassify } from "./classify.ts";
import type { Classification, RequestFacts } from "./classify.ts";
import { checkFallbacks } from "./fallback.ts";
import { setForwardTo } from "./forward-to.ts";
import { checkResource, resourceOptions } from "./options.ts";
import { checkOverride, MOST_OVERRIDES, withOverrides } from "./overrides.ts";
import type { Override, OverrideRequest } from "./overrides.ts";
import { parsePolicy, withOwnRequests } from "./policy.ts";
import type { Policy } from "./policy.ts";
import { FileWatch } from "./watch.ts";

/** Time and chance for all resources, so that a whole policy can be tried in simulated time. */
export interface LanewayOptions {
  readonly clock?: Clock;
  readonly random?: () => number;
}

/** What `Laneway.fromFile` does beside reading. */
export interface FromFileOptions extends LanewayOptions {
  /** Follow the file: an edit is in force within two seconds. Default false. */
  readonly watch?: boolean;
  /** Told after an edited policy came into force. */
  readonly onReload?: (policy: Policy) => void;
  /** Told when an edit was refused; the old policy stays in force. Default: a process warning. */
  readonly onReloadError?: (error: Error) => void;
}

/**
 * One policy with its named resources: everything that shares one set of lanes. A policy that names none has one, "http",
 * with a limit that is learned, for the requests to the program itself.
 *
 * @example
 * const laneway = await Laneway.fromFile("laneway.yaml", { watch: true });
 * const rows = await laneway.resource("main-db").run(() => query("select 1"), { lane: "critical" });
 */
export class Laneway {
  readonly #options: LanewayOptions;
  /** As it was given, without what operators have laid over it. */
  #given: Policy;
  #policy: Policy;
  #overrides: readonly Override[] = [];
  readonly #expiries = new Map<string, () => void>();
  #classify: (request: RequestFacts) => Classification;
  #resources: ReadonlyMap<string, Resource>;
  #watch: FileWatch | undefined;
  #refusedEdit: Error | undefined;

  /**
   * Puts a policy in force.
   *
   * @throws LanewayError `LANEWAY_INVALID` when the policy, made in code, names a lane or resource that there is not.
   */
  constructor(given: Policy, options: LanewayOptions = {}) {
    const { clock, random } = options;
    const policy = withOwnRequests(given);
    this.#options = {
      ...(clock === undefined ? {} : { clock }),
      ...(random === undefined ? {} : { random }),
    };
    this.#classify = accept(policy);
    this.#given = policy;
    this.#policy = policy;
    this.#resources = new Map(Object.keys(policy.resources).map((name) => [name, this.#make(policy, name)]));
  }

  /**
   * Reads a policy file and puts it in force; with `watch`, follows its edits until `close`. The watch alone does not
   * keep the process alive.
   *
   * Rejects with a `PolicyError` when the policy is wrong, and with the error of the file system when it cannot be read.
   *
   * @example
   * const laneway = await Laneway.fromFile("laneway.yaml", { watch: true, onReload: () => log("new policy") });
   */
  static async fromFile(file: string, options: FromFileOptions = {}): Promise<Laneway> {
    const text = await readFile(file, "utf8");
    const laneway = new Laneway(await parsePolicy(text, { file }), options);
    if (options.watch === true) laneway.#follow(file, text, options);
    return laneway;
  }

  /** The policy in force. */
  get policy(): Policy {
    return this.#policy;
  }

  /** The resources in force, by name, in the order of the policy. */
  get resources(): ReadonlyMap<string, Resource> {
    return this.#resources;
  }

  /**
   * The resource of that name. Ask again after a reload: one that left the policy is drained.
   *
   * @throws LanewayError `LANEWAY_INVALID`, naming the resources there are.
   */
  resource(name: string): Resource {
    const resource = this.#resources.get(name);
    if (resource !== undefined) return resource;
    throw invalid("resource", `one of ${[...this.#resources.keys()].join(", ")}`, name);
  }

  /**
   * Where a request belongs: its lane, its flow, and the rule that says so.
   *
   * @example
   * laneway.classify({ method: "GET", path: "/api/export/all", header: (name) => headers[name] }).lane; // => "bulk"
   */
  classify(request: RequestFacts): Classification {
    return this.#classify(request);
  }

  /** Every resource at this moment, in the order of the policy. */
  snapshot(): { resources: ResourceSnapshot[] } {
    return { resources: [...this.#resources.values()].map((resource) => resource.snapshot()) };
  }

  /**
   * Puts another policy in force, without dropping a waiter: resources that stay take their new limit, lanes and
   * budgets, new ones are made, those that are gone finish what they accepted. All or nothing: a policy that is refused
   * leaves everything as it was.
   *
   * @throws LanewayError `LANEWAY_INVALID`
   */
  update(given: Policy): void {
    const policy = withOwnRequests(given);
    // What is wrong with it must not be blamed on an override, nor an override that no longer fits on it.
    accept(policy);
    this.#lay(policy, this.#overrides);
  }

  /** Why the last edit of the file was refused; undefined while what the file says is in force. */
  get refusedEdit(): Error | undefined {
    return this.#refusedEdit;
  }

  /** The changes for a time that are in force, oldest first. */
  get overrides(): readonly Override[] {
    return this.#overrides;
  }

  /**
   * Changes a limit, a reservation or the state of a lane for a time, over whatever policy is in force.
   *
   * @throws LanewayError `LANEWAY_INVALID` when it names what there is not, is too long, or does not fit the policy.
   * @example
   * laneway.override({ resource: "main-db", lane: "bulk", state: "paused", durationMs: 10 * 60_000 });
   */
  override(request: OverrideRequest): Override {
    checkOverride(this.#given, request);
    if (this.#overrides.length >= MOST_OVERRIDES)
      throw invalid("override", `at most ${MOST_OVERRIDES} at a time`, MOST_OVERRIDES + 1, "end one first");
    const since = Date.now();
    const id = randomUUID().slice(0, 8);
    const override: Override = { ...request, id, since, until: since + request.durationMs };
    this.#put(withOverrides(this.#given, [...this.#overrides, override]));
    this.#overrides = [...this.#overrides, override];
    const { clock = systemClock } = this.#options;
    this.#expiries.set(
      id,
      clock.after(request.durationMs, () => void this.endOverride(id)),
    );
    return override;
  }

  /** Ends one before its time; false when there is none of that id. */
  endOverride(id: string): boolean {
    const rest = this.#overrides.filter((override) => override.id !== id);
    if (rest.length === this.#overrides.length) return false;
    this.#lay(this.#given, rest);
    return true;
  }

  /** Puts a policy in force with those overrides that fit it; the others are over. */
  #lay(policy: Policy, overrides: readonly Override[]): void {
    const kept: Override[] = [];
    for (const override of overrides) if (fits(policy, [...kept, override])) kept.push(override);
    this.#put(withOverrides(policy, kept));
    this.#given = policy;
    this.#overrides = kept;
    for (const [id, forget] of this.#expiries) {
      if (kept.some((override) => override.id === id)) continue;
      forget();
      this.#expiries.delete(id);
    }
  }

  /** All or nothing. */
  #put(policy: Policy): void {
    const classify = accept(policy);
    const before = this.#resources;
    const changed: Resource[] = [];
    const resources = new Map<string, Resource>();
    try {
      for (const name of Object.keys(policy.resources)) {
        const resource = before.get(name);
        resources.set(name, resource ?? this.#make(policy, name));
        if (resource === undefined) continue;
        changed.push(resource);
        change(resource, this.#policy, policy);
      }
    } catch (error) {
      for (const resource of changed) change(resource, policy, this.#policy);
      throw error;
    }
    this.#policy = policy;
    this.#classify = classify;
    this.#resources = resources;
    for (const [name, resource] of before) {
      if (!resources.has(name)) void resource.drain({ timeoutMs: policy.gateway.drainTimeoutMs });
    }
  }

  /**
   * Refuses newcomers on every resource and resolves when all that was accepted has ended: true, or false when
   * `timeoutMs` (30 s unless given) passed first and what still waited was refused with `LANEWAY_DRAINING`.
   */
  async drain(options: { readonly timeoutMs?: number } = {}): Promise<boolean> {
    const drained = await Promise.all(
      [...this.#resources.values()].map((resource) => resource.drain(options)),
    );
    return drained.every(Boolean);
  }

  /** Stops following the policy file, and ends what was changed for a time. Resources stay in use. */
  close(): void {
    for (const { id } of this.#overrides) this.endOverride(id);
    this.#watch?.close();
    this.#watch = undefined;
  }

  #make(policy: Policy, name: string): Resource {
    const resource = new Resource({ ...resourceOptions(policy, policy.resources[name]!), ...this.#options });
    setForwardTo(resource, () => this.#policy.trust.forwardTo ?? []);
    return resource;
  }

  #follow(file: string, text: string, { onReload, onReloadError = warn }: FromFileOptions): void {
    this.#watch = new FileWatch(file, text, {
      changed: async (edited) => {
        try {
          this.update(await parsePolicy(edited, { file }));
        } catch (error) {
          this.#refusedEdit = error as Error;
          onReloadError(error as Error);
          return;
        }
        this.#refusedEdit = undefined;
        onReload?.(this.#policy);
      },
      unreadable: onReloadError,
    });
  }
}

/** Whether the last of them fits the policy with the others in force. */
function fits(policy: Policy, overrides: readonly Override[]): boolean {
  try {
    const { id: _id, since: _since, until: _until, ...request } = overrides.at(-1)!;
    checkOverride(policy, request);
    accept(withOverrides(policy, overrides));
    return true;
  } catch {
    return false;
  }
}

/** Everything that can be wrong with a policy is found before anything changes. */
function accept(policy: Policy): (request: RequestFacts) => Classification {
  for (const resource of Object.values(policy.resources)) checkResource(policy, resource);
  checkFallbacks(policy);
  return compileClassify(policy);
}

function change(resource: Resource, from: Policy, policy: Policy): void {
  const {
    name: _name,
    detectDeadlock: _fixed,
    ...options
  } = resourceOptions(policy, policy.resources[resource.name]!);
  // What a change leaves out stays as it was; budgets that are gone must be said to be.
  const gone = from.resources[resource.name]?.budgets !== undefined && options.budgets === undefined;
  resource.update(gone ? { ...options, budgets: {} } : options);
}

function warn(error: Error): void {
  process.emitWarning(`the old policy stays in force: ${error.message}`, "LanewayPolicyWarning");
}
