/**
 * A stand-in for an AI provider on loopback: the real protocols, a made-up model that works on so many calls at once
 * and takes so long for each, and the provider's rate limits. Which protocol a call speaks is told by its path and
 * headers, as providers' own do. What a single call meets can be scripted; see behaviour.ts for how.
 */

import { createServer } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Behaviour } from "./behaviour.ts";
import { Desk } from "./desk.ts";
import type { StandInCall, StandInFailure } from "./dialect.ts";
import type { BudgetCounts, MinuteLimits } from "./upstream-budgets.ts";

/** What a test or a demo may choose; every field has a default. */
export interface StandInOptions {
  /** Calls worked on at once. Default 8. */
  readonly atOnce?: number;
  /** How long one call takes, in milliseconds; a stream's parts are spread over it. Default 200. */
  readonly runMs?: number;
  /** What a call meets when all are busy: a queue, as before a self-hosted model, or an error. Default "queue". */
  readonly whenFull?: "queue" | "reject";
  /** Rate limits to enforce, by key and model class. Without them headers tell of usual ones, and nobody is refused. */
  readonly budgets?: StandInBudgets;
  /** Output tokens of a call's reply, at most what the caller allows. Default about as many as a short answer has. */
  readonly outputTokens?: (call: StandInCall) => number | undefined;
  /** Characters of a prompt that count as one input token. Default 4. */
  readonly charsPerToken?: number;
  /** How many times a batch is asked for before it has ended. Default 1. */
  readonly pollsBeforeEnd?: number;
  /** Milliseconds since the epoch, for rate limits, caches and batches. Default the system's. */
  readonly now?: () => number;
  /** Awaited before each part instead of the clock, so that a test decides when the model goes on. */
  readonly pace?: (part: {
    readonly index: number;
    readonly count: number;
    readonly user: string;
  }) => Promise<void>;
  /** An error to answer a call with, instead of working on it. */
  readonly fail?: (call: StandInCall) => StandInFailure | undefined;
  /** Told of every call when it has been read, before anything else is done with it. */
  readonly onCall?: (call: StandInCall) => void;
}

/** Limits of a minute. Anthropic's headers tell of requests, input and output, OpenAI's of requests and `tokens`. */
export interface StandInBudgets extends MinuteLimits {
  /** The limits of one key and model class where they differ; undefined: those beside this. */
  readonly of?: (key: string, modelClass: string) => MinuteLimits | undefined;
  /** What of the output is charged at the start of a call. Default "max-tokens", corrected at its end. */
  readonly outputCharge?: "max-tokens" | "actual";
}

/** What a stand-in has seen so far. */
export interface StandInStats {
  readonly running: number;
  readonly waiting: number;
  /** The most calls ever present at once, running or queued. */
  readonly mostAtOnce: number;
  readonly served: number;
  /** Calls whose reply was not written whole: the caller left, or a script cut it. */
  readonly abandoned: number;
  readonly refused: number;
  /** Calls being worked on, by the user that their bodies name. */
  readonly runningByUser: Readonly<Record<string, number>>;
}

/** Decides what one call meets, and when; undefined: what its headers say, else the usual. */
export type StandInScript = (call: StandInCall) => Behaviour | undefined | Promise<Behaviour | undefined>;

/** A running stand-in. */
export interface StandIn {
  readonly url: string;
  stats(): StandInStats;
  /** What the rate limits have let in, refused and used, in all and by key. */
  counts(): BudgetCounts;
  /** Replaces the script; undefined ends it. */
  script(script: StandInScript | undefined): void;
  close(): Promise<void>;
}

/** Longer than any pause of a caller, so that a kept connection is never closed under a request. */
const KEEP_ALIVE_MS = 120_000;

/** Starts a stand-in on a free loopback port. */
export async function startStandIn(options: StandInOptions = {}): Promise<StandIn> {
  let url = "";
  const desk = new Desk(options, () => url);
  const server = createServer((request, response) => void desk.serve(request, response));
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.requestTimeout = 0;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host: "127.0.0.1", port: 0, backlog: 1024 }, resolve);
  });
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    stats: () => desk.stats(),
    counts: () => desk.counts(),
    script: (script) => {
      desk.script = script;
    },
    close: () => close(server),
  };
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
