/**
 * Writes a recording beside what it records, never in its way: lines are gathered and written in batches, and when the
 * disk is slower than arrivals come, they are dropped, counted, and the recording says so.
 */

import { createHmac, randomBytes } from "node:crypto";
import { open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import type { Policy } from "../../policy/policy.ts";
import { policyDigest } from "./digest.ts";
import { COLUMNS, RECORDING_VERSION } from "./format.ts";
import type {
  DroppedLine,
  EndLine,
  HeaderLine,
  LimitLine,
  PolicyLine,
  RecordedArrival,
  RecordedResource,
} from "./format.ts";

/** How a recording is written. */
export interface WriterOptions {
  readonly file: string;
  readonly policy: Policy;
  readonly resources: readonly RecordedResource[];
  /** Told in one line when something is lost: the disk is full, or too slow. */
  readonly log: (line: string) => void;
  /** Monotonic milliseconds, on the clock of the arrivals. Default: `performance.now`. */
  readonly now?: () => number;
  /** Characters that may wait for the disk; beyond that arrivals are dropped. Default 8,000,000. */
  readonly pendingMax?: number;
}

const PENDING_MAX = 8_000_000;
/** So much is written at once without waiting for the next turn of the timer. */
const BATCH = 65_536;
const FLUSH_MS = 250;
/** Flows that are remembered with their hash: to hash one again costs 2 µs. */
const HASHES_MAX = 10_000;
const HASH_LENGTH = 10;

/** Opens the file and writes the header. A file that is there is continued. Rejects with the error of the file system. */
export async function openRecording(options: WriterOptions): Promise<RecordingWriter> {
  const handle = await open(options.file, "a+", 0o600);
  try {
    const { size } = await handle.stat();
    // A process that was killed may have left half a line; the header must not become part of it.
    const isCut = size > 0 && (await handle.read(Buffer.alloc(1), 0, 1, size - 1)).buffer[0] !== 0x0a;
    return new RecordingWriter(handle, options, isCut ? "\n" : "");
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/**
 * A recording that is being written.
 *
 * @example
 * const writer = await openRecording({ file: "monday.jsonl", policy, resources, log: console.error });
 * writer.arrival(arrival);
 * await writer.close();
 */
export class RecordingWriter {
  readonly #handle: FileHandle;
  readonly #log: (line: string) => void;
  readonly #now: () => number;
  readonly #startedAt: number;
  readonly #pendingMax: number;
  readonly #hashes = new Hashes();
  readonly #names = new Map<string, string>();
  /** Patterns of models that the policy names: those are no callers' words. */
  #patterns: ReadonlySet<string>;
  #pending: string;
  #writing: Promise<void> | undefined = undefined;
  #timer: NodeJS.Timeout | undefined = undefined;
  #failed = false;
  #arrivals = 0;
  #dropped = 0;
  /** Of the dropped ones, those that the file says nothing of yet. */
  #untold = 0;

  /** Use `openRecording`. `before` goes before the header. */
  constructor(handle: FileHandle, options: WriterOptions, before: string) {
    this.#handle = handle;
    this.#log = options.log;
    this.#now = options.now ?? (() => performance.now());
    this.#startedAt = this.#now();
    this.#patterns = patternsOf(options.policy);
    this.#pendingMax = options.pendingMax ?? PENDING_MAX;
    const header: HeaderLine = {
      laneway: "recording",
      version: RECORDING_VERSION,
      started: new Date().toISOString(),
      policy: policyDigest(options.policy),
      resources: options.resources,
      columns: COLUMNS,
    };
    this.#pending = `${before}${JSON.stringify(header)}\n`;
    this.#soon();
  }

  /** When the recording began, on its clock. */
  get startedAt(): number {
    return this.#startedAt;
  }

  get arrivals(): number {
    return this.#arrivals;
  }

  /** Arrivals that were lost. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Writes one task down, or counts it as dropped. Never waits and never throws. */
  arrival(arrival: RecordedArrival): void {
    if (this.#failed || this.#pending.length > this.#pendingMax) {
      if (this.#untold === 0 && !this.#failed)
        this.#log("the recording cannot keep up with the disk: arrivals are left out until it can");
      this.#dropped++;
      this.#untold++;
      return;
    }
    if (this.#untold > 0) this.#tellDropped();
    this.#arrivals++;
    this.#pending += this.#lineOf(arrival);
    this.#soon();
  }

  /** A learned limit moved. */
  limit(resource: string, limit: number): void {
    const line: LimitLine = { at: this.#atMs(), resource, limit };
    this.#note(line);
  }

  /** Another policy is in force. */
  policy(policy: Policy, resources: readonly RecordedResource[]): void {
    this.#patterns = patternsOf(policy);
    const line: PolicyLine = { at: this.#atMs(), policy: policyDigest(policy), resources };
    this.#note(line);
  }

  /** Writes what is left and closes the file. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    if (this.#untold > 0) this.#tellDropped();
    const line: EndLine = { ended: this.#atMs(), arrivals: this.#arrivals };
    this.#note(line);
    clearTimeout(this.#timer);
    while (this.#writing !== undefined || (this.#pending !== "" && !this.#failed)) {
      this.#write();
      await this.#writing;
    }
    await this.#handle.close();
  }

  #note(line: object): void {
    // Few and short: they are kept even when arrivals are not.
    if (this.#failed) return;
    this.#pending += `${JSON.stringify(line)}\n`;
    this.#soon();
  }

  #tellDropped(): void {
    const line: DroppedLine = { at: this.#atMs(), dropped: this.#untold };
    this.#untold = 0;
    this.#note(line);
  }

  #atMs(): number {
    return toMicroseconds(this.#now() - this.#startedAt);
  }

  #soon(): void {
    if (this.#pending.length >= BATCH) this.#write();
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#write();
    }, FLUSH_MS).unref();
  }

  /** One write at a time: what comes meanwhile is the next batch. */
  #write(): void {
    if (this.#writing !== undefined || this.#pending === "" || this.#failed) return;
    const text = this.#pending;
    this.#pending = "";
    this.#writing = this.#handle
      .appendFile(text)
      .catch((error: Error) => {
        this.#failed = true;
        this.#pending = "";
        this.#log(`the recording has ended, it cannot be written: ${error.message}`);
      })
      .then(() => {
        this.#writing = undefined;
        if (this.#pending.length >= BATCH) this.#write();
      });
  }

  #lineOf(arrival: RecordedArrival): string {
    const { reason, requestBytes, replyBytes } = arrival;
    const lane = this.#quoted(arrival.lane);
    const flow = this.#hashes.of(arrival.flow);
    const waitMs = toMicroseconds(arrival.waitMs);
    const runMs = toNanoseconds(arrival.runMs);
    const line = `[${toNanoseconds(arrival.atMs)},${this.#quoted(arrival.resource)},${lane},"${flow}",${arrival.width},${waitMs},${runMs},"${arrival.outcome}"`;
    const why = reason === undefined ? "null" : this.#quoted(reason);
    const sizes = `${why},${requestBytes ?? "null"},${replyBytes ?? "null"}`;
    const rest = this.#restOf(arrival);
    // What is unknown at the end is left out.
    if (rest !== "") return `${line},${sizes}${rest}]\n`;
    return sizes === "null,null,null" ? `${line}]\n` : `${line},${sizes}]\n`;
  }

  #restOf({ timeoutMs, budget, inputTokens, outputTokens }: RecordedArrival): string {
    if (timeoutMs === undefined && budget === undefined && inputTokens === undefined) return "";
    const name = budget === undefined ? "null" : JSON.stringify(this.#budgetOf(budget));
    const atMost = timeoutMs === undefined ? "null" : toMicroseconds(timeoutMs);
    return `,${atMost},${name},${inputTokens ?? "null"},${outputTokens ?? "null"}`;
  }

  /** `<key>/<class>`, of which only a class is written that stands in the policy: by it a policy gives budgets their size. */
  #budgetOf(name: string): string {
    const slash = name.indexOf("/");
    if (slash < 0) return this.#hashes.of(name);
    const models = name.slice(slash + 1);
    const key = this.#hashes.of(name.slice(0, slash));
    return `${key}/${this.#patterns.has(models) ? models : this.#hashes.of(models)}`;
  }

  /** Names of resources, lanes and reasons: few, and each is quoted once. */
  #quoted(name: string): string {
    let quoted = this.#names.get(name);
    if (quoted === undefined) this.#names.set(name, (quoted = JSON.stringify(name)));
    return quoted;
  }
}

/** Names that nobody can turn back: the salt is never written, and another in each recording. */
class Hashes {
  readonly #salt = randomBytes(32);
  #known = new Map<string, string>();

  of(name: string): string {
    // Nobody is nobody.
    if (name === "") return "";
    let hash = this.#known.get(name);
    if (hash !== undefined) return hash;
    hash = createHmac("sha256", this.#salt).update(name).digest("base64url").slice(0, HASH_LENGTH);
    if (this.#known.size >= HASHES_MAX) this.#known = new Map();
    this.#known.set(name, hash);
    return hash;
  }
}

function patternsOf({ resources }: Policy): ReadonlySet<string> {
  const all = Object.values(resources).flatMap(({ budgets }) => budgets?.models ?? []);
  return new Set(all.map(({ pattern }) => pattern));
}

/**
 * Arrivals and runs say which came first, a task or the seat that it got. Of some thousand a second a few swap places when
 * they are rounded to microseconds, and what follows from that is another run.
 */
function toNanoseconds(ms: number): number {
  return Math.round(ms * 1_000_000) / 1_000_000;
}

function toMicroseconds(ms: number): number {
  return Math.round(ms * 1_000) / 1_000;
}
