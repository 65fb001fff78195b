/** Message batches: their lives from creation over polls to results, kept in memory. */

import { batchedMessage, newId, newRequestId } from "./anthropic-reply.ts";
import { messageRequest } from "./anthropic-request.ts";
import { StandInError } from "./dialect.ts";
import type { QuickAnswer, ReplySize, StandInCall } from "./dialect.ts";
import { asRecord, asText, readObject } from "./made-up.ts";
import { anthropicPage } from "./paging.ts";
import type { Listed } from "./paging.ts";

const DAY_MS = 86_400_000;
const BASE = "/v1/messages/batches";

interface Batch {
  readonly id: string;
  readonly createdAt: number;
  readonly lines: readonly BatchLine[];
  pollsLeft: number;
  cancelledAt: number | undefined;
  endedAt: number | undefined;
}

interface BatchLine {
  readonly customId: string;
  readonly result: { readonly type: string; readonly [field: string]: unknown };
}

/** How batches live here. */
export interface BatchOptions {
  /** Where results are to be fetched, an origin: the real API names its own. */
  readonly origin: () => string;
  /** How many times a batch is asked for before it has ended. */
  readonly pollsBeforeEnd: number;
  readonly now: () => number;
}

/** All batches of one stand-in; whoever asks sees them all. */
export class AnthropicBatches {
  readonly #options: BatchOptions;
  readonly #batches = new Map<string, Batch>();

  constructor(options: BatchOptions) {
    this.#options = options;
  }

  /** Answers a call to a path below `/v1/messages/batches`; undefined for one that is none of its own. */
  answer(call: StandInCall, size: ReplySize): object | QuickAnswer | undefined {
    const [, id = "", action = ""] = call.path.slice(BASE.length).split("/");
    if (id === "") {
      if (call.method === "POST") return this.#shown(this.#create(call, size));
      // The youngest comes first, as in the real list.
      const all = [...this.#batches.values()].reverse().map((batch) => this.#shown(batch));
      return call.method === "GET" ? anthropicPage(all, call.query) : undefined;
    }
    const batch = this.#batches.get(id);
    if (batch === undefined) throw new StandInError(404, "not_found_error", `No such batch: ${id}`);
    switch (`${call.method} ${action}`) {
      case "GET ":
        return this.#poll(batch);
      case "POST cancel":
        batch.cancelledAt ??= this.#options.now();
        return this.#shown(batch);
      case "GET results":
        return this.#results(batch);
      case "DELETE ":
        if (batch.endedAt === undefined)
          throw new StandInError(400, "invalid_request_error", "Cancel the batch first: it has not ended");
        this.#batches.delete(id);
        return { id, type: "message_batch_deleted" };
      default:
        return undefined;
    }
  }

  #create(call: StandInCall, size: ReplySize): Batch {
    const requests = readObject(call.body)?.["requests"];
    if (!Array.isArray(requests) || requests.length === 0)
      throw new StandInError(400, "invalid_request_error", "requests: at least one request is required");
    const ids = requests.map((request) => asText(asRecord(request)?.["custom_id"]));
    if (new Set(ids).size < ids.length || ids.includes(""))
      throw new StandInError(400, "invalid_request_error", "requests: each needs a custom_id of its own");
    const version = call.header("anthropic-version");
    const batch: Batch = {
      id: `msgbatch_${newId()}`,
      createdAt: this.#options.now(),
      lines: requests.map((request, at) => lineOf(ids[at] ?? "", asRecord(request) ?? {}, size, version)),
      pollsLeft: this.#options.pollsBeforeEnd,
      cancelledAt: undefined,
      endedAt: undefined,
    };
    this.#batches.set(batch.id, batch);
    return batch;
  }

  /** Only asking for it lets a batch go on: so a test sees each state when it wants to. */
  #poll(batch: Batch): object {
    if (batch.pollsLeft <= 0) batch.endedAt ??= this.#options.now();
    batch.pollsLeft--;
    return this.#shown(batch);
  }

  #shown(batch: Batch): Listed {
    const { id, createdAt, cancelledAt, endedAt } = batch;
    const status = endedAt !== undefined ? "ended" : cancelledAt !== undefined ? "canceling" : "in_progress";
    const counts = { processing: 0, succeeded: 0, errored: 0, canceled: 0, expired: 0 };
    // Until all of it has ended, all of it counts as being processed.
    if (endedAt === undefined) counts.processing = batch.lines.length;
    else for (const { type } of results(batch)) counts[type as keyof typeof counts]++;
    return {
      id,
      type: "message_batch",
      processing_status: status,
      request_counts: counts,
      created_at: iso(createdAt),
      expires_at: iso(createdAt + DAY_MS),
      ended_at: endedAt === undefined ? null : iso(endedAt),
      cancel_initiated_at: cancelledAt === undefined ? null : iso(cancelledAt),
      archived_at: null,
      results_url: endedAt === undefined ? null : `${this.#options.origin()}${BASE}/${id}/results`,
    };
  }

  /** In another order than they were sent: the real ones promise none. */
  #results(batch: Batch): QuickAnswer {
    if (batch.endedAt === undefined)
      throw new StandInError(404, "not_found_error", `No results of ${batch.id} yet`);
    const all = results(batch);
    const lines = batch.lines.map(({ customId }, at) =>
      JSON.stringify({ custom_id: customId, result: all[at] }),
    );
    return {
      status: 200,
      headers: { "content-type": "application/x-jsonl", "request-id": newRequestId() },
      body: lines
        .reverse()
        .map((line) => `${line}\n`)
        .join(""),
    };
  }
}

function results(batch: Batch): BatchLine["result"][] {
  return batch.lines.map(({ result }) => (batch.cancelledAt === undefined ? result : { type: "canceled" }));
}

function lineOf(
  customId: string,
  request: Readonly<Record<string, unknown>>,
  size: ReplySize,
  version: string | undefined,
): BatchLine {
  try {
    const message = messageRequest(asRecord(request["params"]) ?? {}, size, { whole: true, version });
    const input = { inputTokens: message.promptTokens, cacheWriteTokens: 0, cacheReadTokens: 0 };
    return { customId, result: { type: "succeeded", message: batchedMessage(message, input, size) } };
  } catch (error) {
    if (!(error instanceof StandInError)) throw error;
    const { type, message } = error.failure;
    const shape = { type: "error", error: { type, message }, request_id: newRequestId() };
    return { customId, result: { type: "errored", error: shape } };
  }
}

function iso(at: number): string {
  return new Date(at).toISOString();
}
