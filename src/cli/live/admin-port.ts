/** Questions to the admin pages of a gateway, or of a program that has mounted them, and what is said when none come back. */

import { request as requestHttp } from "node:http";
import type { IncomingMessage } from "node:http";
import { request as requestHttps } from "node:https";
import { adminAddress } from "./address.ts";
import { EventReader } from "./events.ts";
import type { SentEvent } from "./events.ts";

/** Why there is no answer, in words for a terminal. */
export class AdminError extends Error {
  /** Whether asking again later may help: nothing listens, or it went away. */
  readonly gone: boolean;

  constructor(message: string, gone = false) {
    super(message);
    this.gone = gone;
  }
}

/** What a command line says of it. */
export interface AdminPortOptions {
  readonly admin?: string;
  readonly tokenFrom?: string;
  readonly policy?: string;
}

/** The port that a command line means, or the sentence that says what is wrong with that. */
export async function adminPortOf({
  admin,
  tokenFrom,
  policy,
}: AdminPortOptions): Promise<AdminPort | string> {
  // Whoever gives the token itself has it in the list of processes and the history of the shell: it is not repeated.
  if (tokenFrom !== undefined && !/^[A-Za-z_]\w*$/.test(tokenFrom))
    return "--token-from: expected the name of a variable of the environment, not the token itself";
  const address = await adminAddress(admin, policy);
  return "wrong" in address ? address.wrong : new AdminPort(address.url, tokenFrom);
}

/** The variable that holds the token unless another one is named. */
const TOKEN_VARIABLE = "LANEWAY_ADMIN_TOKEN";

const ANSWER_WITHIN_MS = 10_000;
/** A feed ticks once a second: one that says nothing for so long has gone without a word. */
const SILENT_MS = 10_000;
const ANSWER_MOST_BYTES = 64_000_000;

export class AdminPort {
  readonly url: URL;
  readonly #token: string | undefined;
  readonly #variable: string;

  constructor(url: URL, variable: string | undefined) {
    this.url = url;
    this.#variable = variable ?? TOKEN_VARIABLE;
    const token = process.env[this.#variable];
    this.#token = token === undefined || token === "" ? undefined : token;
  }

  /** "127.0.0.1:8081", "127.0.0.1:3000/lanes". */
  get name(): string {
    return `${this.url.host}${this.url.pathname.replace(/\/$/, "")}`;
  }

  /** Undefined: there is a token to act with. Else what to do. */
  get lacksToken(): string | undefined {
    return this.#token === undefined ? `put the admin token into ${this.#variable}` : undefined;
  }

  /**
   * One answer.
   *
   * @throws AdminError when there is none, or it is a refusal.
   */
  async ask<T>(method: "GET" | "POST" | "DELETE", path: string, body?: object): Promise<T> {
    const res = await this.#open(method, path, body);
    let text = "";
    for await (const piece of res.setEncoding("utf8") as AsyncIterable<string>) {
      text += piece;
      if (text.length > ANSWER_MOST_BYTES) throw this.#strange("an answer without end");
    }
    if (!isJson(res)) throw this.#strange(`${res.statusCode}, and no JSON`);
    const value = parsed(text);
    if (value === undefined) throw this.#strange("JSON that is cut");
    if (res.statusCode! >= 400) throw this.#refusal(res.statusCode!, value as { readonly error?: unknown });
    return value as T;
  }

  /**
   * The feed, until it ends or `signal` aborts.
   *
   * @throws AdminError when it cannot be had, or breaks off.
   */
  async *events(signal: AbortSignal): AsyncGenerator<SentEvent> {
    const res = await this.#open("GET", "api/events", undefined, signal);
    if (res.statusCode !== 200 || res.headers["content-type"]?.startsWith("text/event-stream") !== true) {
      res.resume();
      throw res.statusCode === 401 || res.statusCode === 403 || res.statusCode === 503
        ? this.#refusal(res.statusCode, {})
        : this.#strange(String(res.statusCode));
    }
    const reader = new EventReader();
    res.setTimeout(SILENT_MS, () => res.destroy(new Error("it has been silent for 10 s")));
    try {
      for await (const piece of res.setEncoding("utf8") as AsyncIterable<string>) yield* reader.read(piece);
    } catch (error) {
      if (signal.aborted) return;
      throw new AdminError(`${this.url.href} broke off: ${(error as Error).message}`, true);
    }
    if (!signal.aborted) throw new AdminError(`${this.url.href} has ended its feed`, true);
  }

  #open(method: string, path: string, body?: object, signal?: AbortSignal): Promise<IncomingMessage> {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const request = this.url.protocol === "https:" ? requestHttps : requestHttp;
    const sent = body === undefined ? undefined : JSON.stringify(body);
    const headers = {
      ...(this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` }),
      ...(sent === undefined
        ? {}
        : { "content-type": "application/json", "content-length": Buffer.byteLength(sent) }),
    };
    const req = request(
      new URL(path, this.url),
      { method, headers, agent: false, ...(signal === undefined ? {} : { signal }) },
      (res) => {
        req.setTimeout(0);
        resolve(res);
      },
    );
    req.setTimeout(ANSWER_WITHIN_MS, () => req.destroy(new Error("no answer within 10 s")));
    req.on("error", (error) => reject(this.#unreachable(error)));
    req.end(sent);
    return promise;
  }

  #unreachable(error: NodeJS.ErrnoException): AdminError {
    const at = this.url.href;
    const nobody = error.code === "ECONNREFUSED" || error.code === "ENOENT";
    if (!nobody) return new AdminError(`${at} cannot be reached: ${error.message}`, true);
    return new AdminError(
      `nothing listens at ${at}\n` +
        "  start one: laneway gateway --policy laneway.yaml\n" +
        "  or name another: --admin http://127.0.0.1:3000/lanes, where a program has mounted adminHandler",
      true,
    );
  }

  #strange(what: string): AdminError {
    return new AdminError(
      `${this.url.href} answers, but not as an admin port does (${what}): the port that takes requests is another one; the admin port is gateway.admin in the policy, 127.0.0.1:8081 by default`,
    );
  }

  #refusal(status: number, { error }: { readonly error?: unknown }): AdminError {
    const said = typeof error === "string" ? error : `it answered ${status}`;
    if (status !== 401) return new AdminError(`${this.name}: ${said}`);
    return new AdminError(
      this.#token === undefined
        ? `${this.name} asks for the admin token: put it into ${this.#variable}`
        : `${this.name}: the token in ${this.#variable} is not the one that it knows`,
    );
  }
}

function isJson(res: IncomingMessage): boolean {
  return /^application\/json\b/.test(res.headers["content-type"] ?? "");
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
