/**
 * Everything a caller can be told instead of being run. Callers switch on `code` and `reason`, never on `message`;
 * the reasons are a closed list because they are also metric labels.
 */

/** Each code and the reasons it comes with. */
interface ReasonOf {
  LANEWAY_REJECTED: "lane-full" | "resource-full" | "flow-share" | "memory" | "next-service";
  LANEWAY_EVICTED: "outranked" | "flow-share";
  LANEWAY_TIMEOUT: "queue" | "task" | "predicted";
  LANEWAY_DEADLINE: "predicted" | "passed";
  LANEWAY_DRAINING: "draining" | "drain-timeout";
  LANEWAY_DEADLOCK: "nested";
  LANEWAY_UPSTREAM: "unreachable" | "reset" | "malformed";
  LANEWAY_INVALID: "invalid";
}

/** What happened, for a `switch`: `"LANEWAY_REJECTED"`, `"LANEWAY_TIMEOUT"`, … */
export type LanewayCode = keyof ReasonOf;

/** Why it happened: `"lane-full"`, `"predicted"`, … A closed list, fit for a metric label. */
export type LanewayReason = ReasonOf[LanewayCode];

/** The same as data: the one table that errors, counters and documentation agree with. */
export const REASONS: { readonly [Code in LanewayCode]: readonly ReasonOf[Code][] } = {
  LANEWAY_REJECTED: ["lane-full", "resource-full", "flow-share", "memory", "next-service"],
  LANEWAY_EVICTED: ["outranked", "flow-share"],
  LANEWAY_TIMEOUT: ["queue", "task", "predicted"],
  LANEWAY_DEADLINE: ["predicted", "passed"],
  LANEWAY_DRAINING: ["draining", "drain-timeout"],
  LANEWAY_DEADLOCK: ["nested"],
  LANEWAY_UPSTREAM: ["unreachable", "reset", "malformed"],
  LANEWAY_INVALID: ["invalid"],
};

/** The facts that an error carries beside its message; times are milliseconds. */
export interface LanewayErrorFacts {
  readonly code: LanewayCode;
  readonly reason: LanewayReason;
  readonly resource?: string | undefined;
  readonly lane?: string | undefined;
  readonly flow?: string | undefined;
  readonly waitMs?: number | undefined;
  readonly retryAfterMs?: number | undefined;
}

/**
 * The one error class. A refusal carries no stack: it is an answer, not a bug, and a stack costs more than the whole
 * admission (5.5 µs against 0.4 µs). `LANEWAY_INVALID`, which is a bug of the caller's, keeps its stack.
 *
 * `waitMs` is the time queued, `retryAfterMs` an honest time to come back (undefined when coming back is pointless).
 *
 * @example
 * try { await ai.run(callTheModel, { lane: "bulk" }); }
 * catch (error) { if (isLanewayError(error) && error.code === "LANEWAY_REJECTED") await sleep(error.retryAfterMs); }
 */
export class LanewayError extends Error {
  /** Recognises our errors across two copies of the package, where `instanceof` fails. */
  readonly "~laneway" = true;
  readonly code: LanewayCode;
  readonly reason: LanewayReason;
  readonly resource: string | undefined;
  readonly lane: string | undefined;
  readonly flow: string | undefined;
  readonly waitMs: number;
  readonly retryAfterMs: number | undefined;

  constructor(message: string, facts: LanewayErrorFacts) {
    const limit = Error.stackTraceLimit;
    if (facts.code !== "LANEWAY_INVALID") Error.stackTraceLimit = 0;
    super(message);
    Error.stackTraceLimit = limit;
    this.name = "LanewayError";
    this.code = facts.code;
    this.reason = facts.reason;
    this.resource = facts.resource;
    this.lane = facts.lane;
    this.flow = facts.flow;
    this.waitMs = facts.waitMs ?? 0;
    this.retryAfterMs = facts.retryAfterMs;
  }
}

/**
 * Whether a thrown value is a `LanewayError`, of this or another copy of the package.
 *
 * @example
 * if (isLanewayError(error)) console.log(error.code, error.retryAfterMs);
 */
export function isLanewayError(value: unknown): value is LanewayError {
  return value instanceof Error && "~laneway" in value;
}

/** The error for a wrong option: names the place, what was expected there and what was found. */
export function invalid(place: string, expected: string, found: unknown, hint?: string): LanewayError {
  const message = `${place}: expected ${expected}, found ${show(found)}${hint === undefined ? "" : `; ${hint}`}`;
  return new LanewayError(message, { code: "LANEWAY_INVALID", reason: "invalid" });
}

function show(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.length > 80 ? `${value.slice(0, 80)}…` : value);
  if (typeof value === "number" || typeof value === "bigint" || typeof value === "boolean")
    return String(value);
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return `a list of ${value.length}`;
  return typeof value === "function" ? "a function" : "an object";
}
