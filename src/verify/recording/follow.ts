/** Writes down what comes to the resources of a `Laneway`, as each task ends. */

import type { Cost } from "../../core/options.ts";
import type { Resource } from "../../core/resource.ts";
import type { TaskRecord } from "../../core/snapshot.ts";
import type { Laneway } from "../../policy/laneway.ts";
import type { Policy } from "../../policy/policy.ts";
import type { RecordedResource } from "./format.ts";
import type { RecordingWriter } from "./write.ts";

/** What the note of a task may tell beside its record. */
interface Noted {
  readonly requestBytes?: number;
  readonly replyBytes?: number;
  readonly timeoutMs?: number | undefined;
  readonly cost?: Cost | undefined;
}

/** How often a learned limit is looked at. A look costs a pass over the resource's histograms. */
const LOOK_MS = 1_000;

/** The resources of a `Laneway` as a recording names them. */
export function recordedResources(laneway: Laneway): RecordedResource[] {
  return [...laneway.resources.values()].map((resource) => {
    const { name, limit, lanes } = resource.snapshot();
    const adaptive = typeof laneway.policy.resources[name]?.limit === "object";
    return { name, limit, adaptive, lanes: lanes.map((lane) => lane.name) };
  });
}

/**
 * A recorder at work. Call `follow` again when the policy has changed, and `stop` before the writer is closed.
 *
 * @example
 * const recorder = new LanewayRecorder(laneway, writer);
 */
export class LanewayRecorder {
  readonly #laneway: Laneway;
  readonly #writer: RecordingWriter;
  readonly #followed = new Map<Resource, () => void>();
  readonly #limits = new Map<string, number>();
  readonly #timer: NodeJS.Timeout;
  #policy: Policy;

  constructor(laneway: Laneway, writer: RecordingWriter) {
    this.#laneway = laneway;
    this.#writer = writer;
    this.#policy = laneway.policy;
    this.#timer = setInterval(() => this.#look(), LOOK_MS).unref();
    this.follow();
  }

  /** Follows every resource there is now. One that is gone is heard until its last task has ended. */
  follow(): void {
    for (const resource of this.#laneway.resources.values())
      if (!this.#followed.has(resource))
        this.#followed.set(
          resource,
          resource.onRecord((record) => this.#write(record)),
        );
    if (this.#policy === this.#laneway.policy) return;
    this.#policy = this.#laneway.policy;
    this.#writer.policy(this.#policy, recordedResources(this.#laneway));
  }

  stop(): void {
    clearInterval(this.#timer);
    for (const stop of this.#followed.values()) stop();
    this.#followed.clear();
  }

  #look(): void {
    this.follow();
    for (const { name, limit, adaptive } of recordedResources(this.#laneway)) {
      if (!adaptive || this.#limits.get(name) === limit) continue;
      this.#limits.set(name, limit);
      this.#writer.limit(name, limit);
    }
  }

  #write(record: TaskRecord): void {
    const { arrivedAt, endedAt, outcome, resource, lane, flow, waitMs, reason, budget } = record;
    const noted: Noted = record.note ?? {};
    const hasRun = outcome === "finished" || outcome === "failed";
    // In shadow mode it ran from its arrival on, whatever was decided here.
    const runMs = this.#policy.enforce ? record.runMs : hasRun ? endedAt - arrivedAt : 0;
    this.#writer.arrival({
      atMs: Math.max(0, arrivedAt - this.#writer.startedAt),
      resource,
      lane,
      flow,
      width: 1,
      waitMs,
      runMs,
      outcome,
      reason,
      requestBytes: known(noted.requestBytes),
      replyBytes: hasRun ? known(noted.replyBytes) : undefined,
      timeoutMs: noted.timeoutMs,
      budget: noted.cost === undefined ? undefined : budget,
      inputTokens: known(noted.cost?.inputTokens),
      outputTokens: known(noted.cost?.outputTokens),
    });
  }
}

function known(value: number | undefined): number | undefined {
  return value === undefined || Number.isNaN(value) ? undefined : value;
}
