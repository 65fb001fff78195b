/**
 * One HTTP call under a resource, by any function that sends it: waits for its turn, sends, retries at its own place,
 * and holds its seat until the body of the reply is over.
 */

import type { TaskOptions } from "../core/options.ts";
import { isLanewayError, LanewayError } from "../core/errors.ts";
import type { Permit } from "../core/permit.ts";
import type { Resource } from "../core/resource.ts";
import type { StreamEnd } from "../node/watched-stream.ts";
import type { HeaderOf, Provider, Usage, UsageReader, Verdict } from "../providers/provider.ts";
import { inAttempts } from "./attempts.ts";
import type { Failed, Succeeded } from "./attempts.ts";
import { readStart, watchBody, withStart } from "./body.ts";
import { NO_REPLY } from "./traffic.ts";
import type { CallPlan, Traffic } from "./traffic.ts";

/** One call, ready to be made. */
export interface HttpCall {
  readonly resource: Resource;
  readonly traffic: Traffic;
  readonly plan: CallPlan;
  readonly task: TaskOptions;
  readonly headers: Headers;
  /** False for a body that can be sent only once. */
  readonly repeatable: boolean;
  /** Whether an SDK stands behind it that repeats by itself, and must be told when that is pointless. */
  readonly tellsSdk: boolean;
  /** Sends it once. Rejects when no reply came. */
  send(headers: Headers, signal: AbortSignal): Promise<Response>;
  /** Told of the head of each reply. */
  replied?(permit: Permit, status: number, header: HeaderOf): void;
}

/** An error reply is read this far before it is judged. */
const ERROR_BYTES_MAX = 64 * 1024;

/**
 * Makes the call and resolves with its reply.
 *
 * @throws LanewayError when the call is refused, or got no reply at any try; the reason of the caller's signal when that
 * aborts.
 */
export function lanedHttp(call: HttpCall): Promise<Response> {
  return inAttempts(call.resource, {
    plan: call.plan,
    task: call.task,
    repeatable: call.repeatable,
    attempt: (permit, key) => sendOnce(call, permit, key),
  });
}

async function sendOnce(
  call: HttpCall,
  permit: Permit,
  key: string | undefined,
): Promise<Succeeded<Response> | Failed<Response>> {
  const { plan, traffic } = call;
  let response: Response;
  try {
    response = await call.send(headersWith(call.headers, key, traffic.provider), permit.signal);
  } catch (error) {
    if (permit.signal.aborted) throw error;
    return noReply(call, error, permit);
  }
  plan.replied(permit, response.status, headerOf(response.headers));
  call.replied?.(permit, response.status, headerOf(response.headers));
  if (response.status >= 400) return judged(call, response);
  permit.answered();
  return { value: held(call, permit, response) };
}

/** Our key in place of every credential the caller may have sent. */
function headersWith(headers: Headers, key: string | undefined, provider: Provider): Headers {
  const own = new Headers(headers);
  if (key === undefined) return own;
  const [name, value] = provider.keyHeader(key, headerOf(headers));
  for (const credential of provider.credentialHeaders) own.delete(credential);
  own.set(name, value);
  return own;
}

/** The reply, its seat held until its body is over. */
function held({ plan, traffic }: HttpCall, permit: Permit, response: Response): Response {
  // What a batch has used, its own reply says too; but it counts against other limits.
  const tellsUsage = plan.isLimited && (plan.kind === "generate" || plan.kind === "embed");
  let reader: UsageReader | undefined = tellsUsage
    ? traffic.provider.usageReader(response.headers.get("content-type") ?? undefined)
    : undefined;
  return watchBody(response, {
    signal: permit.signal,
    chunk(bytes) {
      try {
        reader?.push(bytes);
      } catch {
        // Whatever is wrong with what we read, the caller's reply is not.
        reader = undefined;
      }
    },
    over(how) {
      const cost = plan.used(usageOf(reader, how));
      permit.release({ failed: how === "failed", ...(cost === undefined ? {} : { cost }) });
    },
  });
}

function usageOf(reader: UsageReader | undefined, how: StreamEnd): Usage | undefined {
  try {
    return how === "ended" ? reader?.end() : reader?.seen;
  } catch {
    return undefined;
  }
}

async function judged(call: HttpCall, response: Response): Promise<Failed<Response>> {
  const { provider, attempts } = call.traffic;
  const start = await readStart(response, ERROR_BYTES_MAX);
  const { status } = response;
  const verdict = provider.judge({ status, header: headerOf(response.headers), body: start.bytes });
  return {
    verdict,
    isOfCaller: status < 500 && status !== 429,
    giveUp(final) {
      const pointless = call.tellsSdk && isPointless(status, verdict, final && attempts > 1);
      const headers = new Headers(response.headers);
      if (pointless) headers.set("x-should-retry", "false");
      return withStart(response, start, pointless ? headers : response.headers);
    },
    forget() {
      if (!start.whole) void start.reader?.cancel().catch(() => undefined);
    },
  };
}

/** What an SDK would repeat by itself, though we have done so already, or it cannot help. */
function isPointless(status: number, verdict: Verdict, isRetried: boolean): boolean {
  const repeatedBySdk = status === 408 || status === 409 || status === 429 || status >= 500;
  return repeatedBySdk && (isRetried || verdict.reason === "money");
}

/** The connection failed. Told as what it is, unless we have retried: an SDK would multiply our tries by its own. */
function noReply(
  { resource, traffic, tellsSdk }: HttpCall,
  error: unknown,
  permit: Permit,
): Failed<Response> {
  return {
    verdict: NO_REPLY,
    giveUp(final) {
      if (!tellsSdk || !final || traffic.attempts === 1 || isLanewayError(error)) throw error;
      throw upstreamFailed(resource.name, permit, error);
    },
    forget() {},
  };
}

function upstreamFailed(resource: string, permit: Permit, error: unknown): LanewayError {
  const code = codeOf(error);
  const reason = UNREACHABLE.test(code) ? "unreachable" : "reset";
  const what =
    reason === "unreachable" ? "cannot be reached" : "closed the connection before its reply began";
  return new LanewayError(`the upstream of "${resource}" ${what} (${code})`, {
    code: "LANEWAY_UPSTREAM",
    reason,
    resource,
    lane: permit.lane,
    flow: permit.flow,
    waitMs: permit.waitMs,
  });
}

const UNREACHABLE = /^(?:ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT)$/;

/** The code of the error or of what caused it; `fetch` hides it behind "fetch failed". */
function codeOf(error: unknown): string {
  for (let cause = error, depth = 0; cause instanceof Error && depth < 4; cause = cause.cause, depth++) {
    if ("code" in cause && typeof cause.code === "string") return cause.code;
  }
  return error instanceof Error ? error.name : "unknown";
}

/** Reads headers by name as the providers do. */
export function headerOf(headers: Headers): HeaderOf {
  return (name) => headers.get(name) ?? undefined;
}
