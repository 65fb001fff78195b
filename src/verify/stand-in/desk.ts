/** Takes the calls: which protocol they speak, what they cost, where they wait, and what they are answered. */

import type { IncomingMessage, ServerResponse } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { anthropicDialect } from "./anthropic.ts";
import { failureOf, HeaderScript } from "./behaviour.ts";
import type { Behaviour } from "./behaviour.ts";
import { StandInError } from "./dialect.ts";
import type { Dialect, ModelAnswer, QuickAnswer, ReplySize, StandInCall } from "./dialect.ts";
import { Gate } from "./gate.ts";
import { openaiDialect } from "./openai.ts";
import { readBody } from "./request-body.ts";
import type { StandInOptions, StandInScript, StandInStats } from "./stand-in.ts";
import { modelClassOf, UpstreamBudgets } from "./upstream-budgets.ts";
import type { BudgetCounts, BudgetRefusal, Charge, MinuteLimits } from "./upstream-budgets.ts";
import { Wire } from "./wire.ts";

const DEFAULT_AT_ONCE = 8;
const DEFAULT_RUN_MS = 200;

// What a real account of a middle size may do; without the option `budgets` these are only told of, not enforced.
const ANTHROPIC_LIMITS: MinuteLimits = { requests: 4_000, inputTokens: 400_000, outputTokens: 80_000 };
const OPENAI_LIMITS: MinuteLimits = { requests: 5_000, tokens: 800_000 };

const AS_USUAL: Behaviour = {};

/** One call with all that decides its answer. */
interface Visit {
  readonly dialect: Dialect;
  readonly call: StandInCall;
  readonly behaviour: Behaviour;
  readonly wire: Wire;
  readonly response: ServerResponse;
}

/** Who is told how far a reply has come. */
interface Watch {
  readonly progress: (parts: number) => void;
  readonly end: (whole: boolean) => void;
}

/** The part of a stand-in behind its socket. */
export class Desk {
  readonly #options: StandInOptions;
  readonly #gate: Gate;
  readonly #anthropic: Dialect;
  readonly #openai: Dialect;
  readonly #budgets: UpstreamBudgets;
  readonly #now: () => number;
  readonly #headerScript = new HeaderScript();
  readonly #runningByUser = new Map<string, number>();
  script: StandInScript | undefined;
  #served = 0;
  #abandoned = 0;
  #refused = 0;

  constructor(options: StandInOptions, origin: () => string) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#gate = new Gate(options.atOnce ?? DEFAULT_AT_ONCE);
    const dialectOptions = { origin, pollsBeforeEnd: options.pollsBeforeEnd ?? 1, now: this.#now };
    this.#anthropic = anthropicDialect(dialectOptions);
    this.#openai = openaiDialect(dialectOptions);
    const { budgets } = options;
    this.#budgets = new UpstreamBudgets({
      limits: (key, modelClass) =>
        budgets === undefined
          ? modelClass.startsWith("claude-")
            ? ANTHROPIC_LIMITS
            : OPENAI_LIMITS
          : (budgets.of?.(key, modelClass) ?? budgets),
      enforce: budgets !== undefined,
      outputCharge: budgets?.outputCharge ?? "max-tokens",
      now: this.#now,
    });
  }

  stats(): StandInStats {
    return {
      running: this.#gate.running,
      waiting: this.#gate.waiting,
      mostAtOnce: this.#gate.most,
      served: this.#served,
      abandoned: this.#abandoned,
      refused: this.#refused,
      runningByUser: Object.fromEntries(this.#runningByUser),
    };
  }

  counts(): BudgetCounts {
    return this.#budgets.counts();
  }

  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [path = "/", query = ""] = (request.url ?? "/").split("?", 2);
    if (path === "/") return new Wire(response, AS_USUAL).quick({ status: 200, headers: {}, body: "" });
    const dialect = this.#dialectOf(path, request);
    try {
      const body = await readBody(request, path);
      const header = headerReader(request);
      const method = request.method ?? "GET";
      const call: StandInCall = { method, path, query: new URLSearchParams(query), header, body };
      this.#options.onCall?.(call);
      const behaviour =
        (await this.script?.(call)) ?? this.#headerScript.behaviour(header("x-stand-in")) ?? AS_USUAL;
      const wire = new Wire(response, behaviour);
      await this.#answer({ dialect, call, behaviour, wire, response });
    } catch (error) {
      this.#complain(dialect, response, error);
    }
  }

  /** A caller that breaks off while it sends is not answered; a mistake in a header script is told to its author. */
  #complain(dialect: Dialect, response: ServerResponse, error: unknown): void {
    if (response.destroyed) return;
    if (response.headersSent) return void response.destroy();
    const failure =
      error instanceof StandInError
        ? error.failure
        : { status: 500, type: dialect.typeOf(500), message: String(error) };
    this.#refused++;
    // What is left of the body is not read: the connection cannot serve another call.
    response.setHeader("connection", "close");
    new Wire(response, AS_USUAL).quick(dialect.failure(failure));
  }

  #dialectOf(path: string, request: IncomingMessage): Dialect {
    if (path.startsWith("/v1/messages")) return this.#anthropic;
    return request.headers["anthropic-version"] !== undefined ? this.#anthropic : this.#openai;
  }

  async #answer(visit: Visit): Promise<void> {
    const { behaviour, wire, response } = visit;
    if (behaviour.hang === true) return;
    if (behaviour.delayMs !== undefined) await this.#delay(behaviour.delayMs);
    if (response.destroyed) return;
    if (behaviour.garbage === true) return wire.garbage();
    const answer = this.#decide(visit);
    if ("parts" in answer) return this.#admit(visit, answer);
    if (answer.status >= 400) this.#refused++;
    wire.quick(answer);
  }

  #decide({ dialect, call, behaviour }: Visit): QuickAnswer | ModelAnswer {
    const { body, status = 200 } = behaviour;
    const failure = this.#options.fail?.(call) ?? failureOf(behaviour, (code) => dialect.typeOf(code));
    if (failure !== undefined) {
      const answer = dialect.failure(failure);
      return body === undefined ? answer : { ...answer, body };
    }
    if (body !== undefined) return { status, headers: {}, body };
    try {
      return dialect.answer(call, this.#sizeOf(call, behaviour));
    } catch (error) {
      if (error instanceof StandInError) return dialect.failure(error.failure);
      throw error;
    }
  }

  #sizeOf(call: StandInCall, behaviour: Behaviour): ReplySize {
    const { charsPerToken = 4, outputTokens } = this.#options;
    return { charsPerToken, outputTokens: behaviour.outputTokens ?? outputTokens?.(call) };
  }

  /** Charged before it gets a seat or queues for one: a provider looks at its rate limits before anything else. */
  #admit(visit: Visit, answer: ModelAnswer): void {
    const { dialect, call, wire } = visit;
    if (this.#gate.full && this.#options.whenFull === "reject") {
      this.#refused++;
      return wire.quick(dialect.failure(dialect.full));
    }
    const charge = this.#budgets.start({
      key: dialect.keyOf(call),
      modelClass: modelClassOf(answer.model),
      inputTokens: answer.inputTokens,
      maxOutputTokens: answer.maxOutputTokens,
    });
    if ("retryAfterMs" in charge) {
      this.#refused++;
      return wire.quick(this.#limited(dialect, answer.model, charge));
    }
    this.#work(visit, answer, charge);
  }

  #limited(dialect: Dialect, model: string, refusal: BudgetRefusal): QuickAnswer {
    const seconds = Math.max(1, Math.ceil(refusal.retryAfterMs / 1_000));
    return dialect.failure({
      ...dialect.limited(refusal.kind, model),
      headers: {
        "retry-after": String(seconds),
        ...dialect.limitHeaders(refusal.standing, this.#now()),
      },
    });
  }

  #work(visit: Visit, answer: ModelAnswer, charge: Charge): void {
    let running = false;
    let written = 0;
    let ended = false;
    let leave = (): void => undefined;
    const end = (whole: boolean): void => {
      if (ended) return;
      ended = true;
      if (running) this.#count(answer.user, -1);
      if (whole) this.#served++;
      else this.#abandoned++;
      charge.end(outputTokensOf(answer, whole ? answer.parts.length : written), whole);
      leave();
    };
    visit.response.once("close", () => end(false));
    leave = this.#gate.enter(() => {
      running = true;
      this.#count(answer.user, 1);
      const progress = (parts: number): void => {
        written = parts;
        charge.written(outputTokensOf(answer, parts));
      };
      void this.#write(visit, answer, charge, { progress, end });
    });
  }

  async #write(visit: Visit, answer: ModelAnswer, charge: Charge, { progress, end }: Watch): Promise<void> {
    const { wire, dialect, behaviour } = visit;
    const parts = answer.parts.map((part) => Buffer.from(part));
    const last = parts.length - 1;
    for (const [index, part] of parts.entries()) {
      await this.#pause(index, answer, behaviour);
      if (wire.gone) return;
      if (index === 0)
        wire.head(behaviour.status ?? 200, {
          ...answer.headers,
          ...dialect.limitHeaders(charge.standing, this.#now()),
          "content-type": answer.contentType,
          ...(last === 0 ? { "content-length": String(part.length) } : {}),
        });
      // The seat is given back before the last byte leaves: who sees the reply end may send the next call at once.
      if (index === last && isWhole(behaviour, parts)) end(true);
      if (!wire.write(part)) return;
      progress(index + 1);
    }
    wire.end();
  }

  async #pause(index: number, answer: ModelAnswer, behaviour: Behaviour): Promise<void> {
    const count = answer.parts.length;
    if (this.#options.pace !== undefined) return this.#options.pace({ index, count, user: answer.user });
    const usual = (this.#options.runMs ?? DEFAULT_RUN_MS) / count;
    await this.#delay(index === 0 ? usual : (behaviour.eventDelayMs ?? usual));
  }

  /** A stand-in that was closed must not keep its process alive until the last reply would have been due. */
  async #delay(ms: number): Promise<void> {
    await delay(ms, undefined, { ref: false });
  }

  #count(user: string, change: number): void {
    const count = (this.#runningByUser.get(user) ?? 0) + change;
    if (count === 0) this.#runningByUser.delete(user);
    else this.#runningByUser.set(user, count);
  }
}

/** What so many of its parts hold, about; all of them hold all of it. */
function outputTokensOf(answer: ModelAnswer, parts: number): number {
  return Math.ceil((answer.outputTokens * parts) / answer.parts.length);
}

function isWhole(behaviour: Behaviour, parts: readonly Buffer[]): boolean {
  const { cutAfterBytes = Infinity, cutAfterEvents = Infinity, stallAfterEvents = Infinity } = behaviour;
  const bytes = parts.reduce((sum, part) => sum + part.length, 0);
  return cutAfterBytes > bytes && cutAfterEvents > parts.length && stallAfterEvents > parts.length;
}

function headerReader(request: IncomingMessage): (name: string) => string | undefined {
  return (name) => {
    const value = request.headers[name];
    return Array.isArray(value) ? value[0] : value;
  };
}
