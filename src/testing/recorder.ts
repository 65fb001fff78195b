import type { Clock } from "../core/clock.ts";
import type { TaskOptions } from "../core/options.ts";
import type { Permit } from "../core/permit.ts";

/** What a recorder needs of a resource: any `Resource` has it. */
export interface Runs {
  run<T>(fn: (permit: Permit) => T | PromiseLike<T>, task?: TaskOptions): Promise<T>;
}

/** A clock whose time a test moves: `TestClock` is one. */
export interface SleepingClock extends Clock {
  sleep(ms: number): Promise<void>;
}

/**
 * Writes down in which order tasks start and end, so that a test reads like the sentence it proves.
 *
 * @example
 * const trace = new Recorder(resource, clock);
 * trace.submit("export", 100, { lane: "bulk" });
 * trace.submit("payment", 10, { lane: "critical" });
 * await clock.advance(200);
 * trace.events; // => ["0: export starts", "100: export ends", "100: payment starts", …]
 */
export class Recorder {
  readonly events: string[] = [];
  readonly #started: string[] = [];
  readonly #resource: Runs;
  readonly #clock: SleepingClock;

  constructor(resource: Runs, clock: SleepingClock) {
    this.#resource = resource;
    this.#clock = clock;
  }

  /** Submits a task that runs for `runMs`; the promise settles when it is over, refused or not, and never rejects. */
  async submit(name: string, runMs: number, task?: TaskOptions): Promise<void> {
    try {
      await this.#resource.run(async () => {
        this.#started.push(name);
        this.note(`${name} starts`);
        await this.#clock.sleep(runMs);
        this.note(`${name} ends`);
      }, task);
    } catch (error) {
      this.note(`${name} ${reasonOf(error)}`);
    }
  }

  /** Adds a line of the test's own, with the time before it. */
  note(what: string): void {
    this.events.push(`${Math.round(this.#clock.now())}: ${what}`);
  }

  /** The names of the tasks in the order in which they started. */
  get started(): string[] {
    return [...this.#started];
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof Error && "code" in error && "reason" in error)
    return `refused: ${String(error.code)} ${String(error.reason)}`;
  return `fails: ${error instanceof Error ? error.name : String(error)}`;
}
