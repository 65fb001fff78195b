/** Batches of OpenAI's: a file of requests in, a file of replies out. */

import { StandInError } from "./dialect.ts";
import type { QuickAnswer, ReplySize, StandInCall } from "./dialect.ts";
import { asRecord, asText } from "./made-up.ts";
import { newId, secondsOf } from "./openai-ids.ts";
import { readJson } from "./openai-request.ts";
import { openaiPage } from "./paging.ts";
import type { Listed } from "./paging.ts";
import type { StoredFiles } from "./stored-files.ts";

const DAY_SECONDS = 86_400;
const BASE = "/v1/batches";

/** What a batch needs of the rest of the stand-in. */
export interface OpenAiBatchOptions {
  readonly files: StoredFiles;
  /** The reply to one line's body; throws what is wrong with it. */
  readonly reply: (url: string, body: Readonly<Record<string, unknown>>, size: ReplySize) => object;
  /** How many times a batch is asked for before it has ended. */
  readonly pollsBeforeEnd: number;
  readonly now: () => number;
}

interface Batch {
  readonly id: string;
  readonly input: { readonly fileId: string; readonly endpoint: string; readonly metadata: unknown };
  readonly createdAt: number;
  readonly lines: readonly string[];
  readonly failed: number;
  pollsLeft: number;
  cancelledAt: number | undefined;
  endedAt: number | undefined;
  outputFileId: string | null;
}

/** All batches of one stand-in. */
export class OpenAiBatches {
  readonly #options: OpenAiBatchOptions;
  readonly #batches = new Map<string, Batch>();

  constructor(options: OpenAiBatchOptions) {
    this.#options = options;
  }

  /** Answers a call to a path below `/v1/batches`; undefined for one that is none of its own. */
  answer(call: StandInCall, size: ReplySize): object | QuickAnswer | undefined {
    const [, id = "", action = ""] = call.path.slice(BASE.length).split("/");
    if (id === "") {
      if (call.method === "POST") return this.#shown(this.#create(call, size));
      const all = [...this.#batches.values()].reverse().map((batch) => this.#shown(batch));
      return call.method === "GET" ? openaiPage(all, call.query) : undefined;
    }
    const batch = this.#batches.get(id);
    if (batch === undefined)
      throw new StandInError(404, "batch_not_found", `No batch found with id '${id}'.`);
    if (`${call.method} ${action}` === "GET ") return this.#poll(batch);
    if (`${call.method} ${action}` !== "POST cancel") return undefined;
    batch.cancelledAt ??= this.#now();
    return this.#shown(batch);
  }

  #create(call: StandInCall, size: ReplySize): Batch {
    const body = readJson(call.body);
    const endpoint = asText(body["endpoint"]);
    const fileId = asText(body["input_file_id"]);
    if (endpoint === "" || fileId === "")
      throw new StandInError(400, "missing_required_parameter", "Missing 'endpoint' or 'input_file_id'.");
    const text = this.#options.files.get(fileId).content.toString("utf8");
    const lines = text.split("\n").filter((line) => line.trim() !== "");
    const replies = lines.map((line) => this.#line(line, endpoint, size));
    const batch: Batch = {
      id: newId("batch_"),
      input: { fileId, endpoint, metadata: body["metadata"] ?? null },
      createdAt: this.#now(),
      lines: replies.map((reply) => JSON.stringify(reply)),
      failed: replies.filter(({ response }) => response.status_code >= 400).length,
      pollsLeft: this.#options.pollsBeforeEnd,
      cancelledAt: undefined,
      endedAt: undefined,
      outputFileId: null,
    };
    this.#batches.set(batch.id, batch);
    return batch;
  }

  #line(text: string, endpoint: string, size: ReplySize) {
    const line = readJson(Buffer.from(text));
    const answered = (status: number, body: object) => ({
      id: newId("batch_req_"),
      custom_id: line["custom_id"] ?? null,
      response: { status_code: status, request_id: newId("req_"), body },
      error: null,
    });
    try {
      return answered(200, this.#options.reply(endpoint, asRecord(line["body"]) ?? {}, size));
    } catch (error) {
      if (!(error instanceof StandInError)) throw error;
      const { status, type, message } = error.failure;
      return answered(status, { error: { message, type: "invalid_request_error", param: null, code: type } });
    }
  }

  /** Only asking for it lets a batch go on: so a test sees each state when it wants to. */
  #poll(batch: Batch): object {
    if (batch.pollsLeft <= 0 && batch.endedAt === undefined) this.#end(batch);
    batch.pollsLeft--;
    return this.#shown(batch);
  }

  #end(batch: Batch): void {
    batch.endedAt = this.#now();
    if (batch.cancelledAt !== undefined) return;
    const content = Buffer.from(batch.lines.map((line) => `${line}\n`).join(""));
    batch.outputFileId = this.#options.files.add({
      filename: `${batch.id}_output.jsonl`,
      contentType: "application/octet-stream",
      purpose: "batch_output",
      content,
    }).id;
  }

  #shown(batch: Batch): Listed {
    const { createdAt, cancelledAt, endedAt, input } = batch;
    const completed = endedAt !== undefined && cancelledAt === undefined;
    const open = cancelledAt !== undefined ? "cancelling" : "in_progress";
    return {
      id: batch.id,
      object: "batch",
      endpoint: input.endpoint,
      errors: null,
      input_file_id: input.fileId,
      completion_window: "24h",
      metadata: input.metadata,
      output_file_id: batch.outputFileId,
      error_file_id: null,
      status: completed ? "completed" : endedAt === undefined ? open : "cancelled",
      created_at: secondsOf(createdAt),
      in_progress_at: secondsOf(createdAt),
      expires_at: secondsOf(createdAt) + DAY_SECONDS,
      finalizing_at: completed ? secondsOf(endedAt) : null,
      completed_at: completed ? secondsOf(endedAt) : null,
      failed_at: null,
      expired_at: null,
      cancelling_at: cancelledAt === undefined ? null : secondsOf(cancelledAt),
      cancelled_at: cancelledAt === undefined || endedAt === undefined ? null : secondsOf(endedAt),
      request_counts: {
        total: batch.lines.length,
        completed: completed ? batch.lines.length - batch.failed : 0,
        failed: completed ? batch.failed : 0,
      },
    };
  }

  #now(): number {
    return this.#options.now();
  }
}
