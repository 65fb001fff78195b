/** Options of a thread pool, checked, and the resource that it has when it is given none. */

import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { isAbsolute } from "node:path";
import { fileURLToPath } from "node:url";
import { LONGEST_MS, knownKeys, number, whole } from "../../core/checks.ts";
import { FIVE_LANES } from "../../core/config.ts";
import { invalid } from "../../core/errors.ts";
import type { Resource as CoreResource } from "../../core/resource.ts";
import { Resource } from "../../node/resource.ts";
import { isThreadOf } from "./inside.ts";
import type { PiscinaClass } from "./piscina.ts";

/**
 * What V8 may use for one thread, in mebibytes; a thread that needs more is ended. With a bound of the old generation the
 * young one has 8 unless it is given: with much more, V8 may end the process instead of the thread.
 */
export interface ThreadMemory {
  readonly maxOldGenerationSizeMb?: number;
  readonly maxYoungGenerationSizeMb?: number;
  readonly codeRangeSizeMb?: number;
  readonly stackSizeMb?: number;
}

/** The threads that the tasks of a lane run on. */
export interface LaneThreads {
  /**
   * How far they give way to others for the processor, from 0 to 19, on Linux only. Default 10 for `low`, 19 for `bulk`
   * and `batch`, else 0.
   */
  readonly nice?: number;
  /** What each of them may use. Default: V8's own bounds. */
  readonly resourceLimits?: ThreadMemory;
}

/** Options of a `ThreadPool`. */
export interface ThreadPoolOptions {
  /** The class that your own copy of Piscina exports. */
  readonly Piscina: PiscinaClass;
  /** The worker file: a `file:` URL or an absolute path. It exports the functions that tasks run. */
  readonly filename: string | URL;
  /** The export that a task runs which names none. Default "default". */
  readonly name?: string;
  /** How many tasks may run at once, each on a thread of its own. Default: as many as the machine can run at once. */
  readonly threads?: number;
  /**
   * The seats, one for each task that runs: `laneway.resource("cpu")`, with the policy's shares. Its limit is then the
   * number of threads. Without it the pool has a resource of its own with `threads` seats and the five lanes, none of
   * which has a reservation: a processor that waits for somebody is lost.
   */
  readonly resource?: CoreResource | undefined;
  /** By lane, where its threads should differ. */
  readonly lanes?: Readonly<Record<string, LaneThreads>>;
  /** After how many milliseconds without a task a thread of the low lanes is ended. Default 60,000. */
  readonly idleTimeoutMs?: number;
  /** Further options of Piscina, as they are: `workerData`, `env`, `argv`, `execArgv`, `atomics`. */
  readonly piscina?: Readonly<Record<string, unknown>>;
}

/** The options, checked and complete. */
export interface ThreadSettings {
  readonly Piscina: PiscinaClass;
  readonly filename: string;
  readonly name: string;
  readonly threads: number;
  readonly resource: CoreResource;
  readonly lanes: ReadonlyMap<string, Required<LaneThreads>>;
  readonly idleTimeoutMs: number;
  readonly piscina: Readonly<Record<string, unknown>>;
}

const PLACE = "ThreadPool";
const ENDLESS =
  "the pool would start threads without end: make it in a file of its own, or only where isMainThread is true";
const NAME = "threads";
const IDLE_TIMEOUT_MS = 60_000;
const MOST_THREADS = 1_024;
const MOST_NICE = 19;
const MOST_MB = 1_048_576;
/**
 * A thread that reaches its bound is given a little more, to end in. What one collection can move out of a young generation
 * of V8's own size is more than that, and then V8 ends the whole process instead.
 */
const YOUNG_MB = 8;
const NICE: Readonly<Record<string, number>> = { low: 10, bulk: MOST_NICE, batch: MOST_NICE };

const OPTIONS: ReadonlySet<string> = new Set(
  "Piscina filename name threads resource lanes idleTimeoutMs piscina".split(" "),
);
const LANE_OPTIONS: ReadonlySet<string> = new Set(["nice", "resourceLimits"]);
const LIMITS: ReadonlySet<string> = new Set(
  "maxOldGenerationSizeMb maxYoungGenerationSizeMb codeRangeSizeMb stackSizeMb".split(" "),
);
/** Options of Piscina that are ours to set: with others its queue would be in use, or its threads would not be seats. */
const OURS: ReadonlySet<string> = new Set(
  (
    "filename name minThreads maxThreads maxQueue idleTimeout concurrentTasksPerWorker resourceLimits taskQueue " +
    "niceIncrement loadBalancer"
  ).split(" "),
);

/** @throws LanewayError `LANEWAY_INVALID`, naming the option. */
export function threadSettings(options: ThreadPoolOptions): ThreadSettings {
  if (typeof options !== "object" || options === null) throw invalid(PLACE, "options", options);
  knownKeys(PLACE, options, OPTIONS);
  const { Piscina, name = "default", resource, piscina = {} } = options;
  if (typeof Piscina !== "function") throw invalid(`${PLACE}: Piscina`, "the class Piscina", Piscina);
  if (typeof name !== "string" || name === "")
    throw invalid(`${PLACE}: name`, "the name of an export of the worker file", name);
  if (resource !== undefined && typeof resource?.acquire !== "function")
    throw invalid(`${PLACE}: resource`, "a Resource", resource);
  if (resource !== undefined && options.threads !== undefined)
    throw invalid(`${PLACE}: threads`, "nothing beside a resource, whose limit it is", options.threads);
  const ours = Object.keys(piscina).find((key) => OURS.has(key));
  if (ours !== undefined) throw invalid(`${PLACE}: piscina`, `none of ${[...OURS].join(", ")}`, ours);
  const threads =
    resource?.snapshot().limit ??
    whole(`${PLACE}: threads`, options.threads ?? availableParallelism(), 1, MOST_THREADS);
  const filename = workerFile(`${PLACE}: filename`, options.filename);
  if (isThreadOf(filename))
    throw invalid(`${PLACE}: filename`, "another file than that of this thread", filename, ENDLESS);
  const seats = resource ?? ownResource(threads);
  return {
    Piscina,
    filename,
    name,
    threads,
    resource: seats,
    lanes: laneThreads(seats, options.lanes ?? {}),
    idleTimeoutMs: number(`${PLACE}: idleTimeoutMs`, options.idleTimeoutMs ?? IDLE_TIMEOUT_MS, 0, LONGEST_MS),
    piscina,
  };
}

/**
 * The path of a worker file.
 *
 * @throws LanewayError `LANEWAY_INVALID` when it is no place, or nothing is there.
 */
export function workerFile(place: string, filename: unknown): string {
  const path = pathOf(filename);
  const hint = 'write new URL("./worker.js", import.meta.url)';
  if (path === undefined) throw invalid(place, "a file: URL or an absolute path", shown(filename), hint);
  if (!existsSync(path)) throw invalid(place, "a file that exists", path);
  return path;
}

function pathOf(filename: unknown): string | undefined {
  if (filename instanceof URL) return filename.protocol === "file:" ? fileURLToPath(filename) : undefined;
  if (typeof filename !== "string") return undefined;
  if (filename.startsWith("file:")) return fileURLToPath(filename);
  return isAbsolute(filename) ? filename : undefined;
}

function shown(filename: unknown): unknown {
  return filename instanceof URL ? filename.href : filename;
}

function laneThreads(
  resource: CoreResource,
  given: Readonly<Record<string, LaneThreads>>,
): ReadonlyMap<string, Required<LaneThreads>> {
  const names = resource.snapshot().lanes.map(({ name }) => name);
  const unknown = Object.keys(given).find((name) => !names.includes(name));
  if (unknown !== undefined) throw invalid(`${PLACE}: lanes`, `one of ${names.join(", ")}`, unknown);
  return new Map(
    names.map((lane) => {
      const place = `${PLACE}: lanes.${lane}`;
      const own = (Object.hasOwn(given, lane) ? given[lane] : undefined) ?? {};
      knownKeys(place, own, LANE_OPTIONS);
      const usual = Object.hasOwn(NICE, lane) ? NICE[lane]! : 0;
      const nice = whole(`${place}.nice`, own.nice ?? usual, 0, MOST_NICE);
      return [lane, { nice, resourceLimits: memory(`${place}.resourceLimits`, own.resourceLimits ?? {}) }];
    }),
  );
}

function memory(place: string, limits: ThreadMemory): ThreadMemory {
  knownKeys(place, limits, LIMITS);
  for (const [key, value] of Object.entries(limits)) number(`${place}.${key}`, value, 1, MOST_MB);
  return limits.maxOldGenerationSizeMb === undefined
    ? limits
    : { maxYoungGenerationSizeMb: YOUNG_MB, ...limits };
}

function ownResource(limit: number): Resource {
  const lanes = FIVE_LANES.map(({ name }) => ({ name }));
  return new Resource({ name: NAME, limit, lanes });
}
