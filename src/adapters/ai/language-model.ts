/** The shapes of the Vercel AI SDK's models that the lanes need, its package left out. */

import type { Provider, Usage } from "../../providers/provider.ts";

/** What a model is called with. */
export interface ModelCall {
  readonly prompt?: unknown;
  readonly tools?: unknown;
  readonly maxOutputTokens?: number | undefined;
  readonly abortSignal?: AbortSignal | undefined;
  readonly headers?: Readonly<Record<string, string | undefined>> | undefined;
  readonly providerOptions?: Readonly<Record<string, Readonly<Record<string, unknown>>>> | undefined;
}

/** An error of the AI SDK for a call that failed: `APICallError`. */
export interface ModelCallError extends Error {
  readonly statusCode?: number | undefined;
  readonly responseHeaders?: Readonly<Record<string, string>> | undefined;
  readonly responseBody?: string | undefined;
  isRetryable: boolean;
}

/** Whether it is an error of a call to the provider, and not of the program. */
export function isModelCallError(error: unknown): error is ModelCallError {
  return error instanceof Error && "isRetryable" in error && typeof error.isRetryable === "boolean";
}

/** Bytes of the text in a prompt and its tools; images and files count as the text that they come to. */
export function textBytes(value: unknown): number {
  if (typeof value === "string") return Buffer.byteLength(value);
  if (typeof value !== "object" || value === null) return 0;
  if (ArrayBuffer.isView(value) || value instanceof URL) return IMAGE_AS_TEXT_BYTES;
  if (Array.isArray(value)) return value.reduce<number>((sum, item) => sum + textBytes(item), 0);
  let bytes = 0;
  const isFile = "mediaType" in value && "data" in value;
  for (const [key, item] of Object.entries(value)) {
    if (isFile && key === "data") bytes += IMAGE_AS_TEXT_BYTES;
    else if (key !== "providerOptions") bytes += key.length + textBytes(item);
  }
  return bytes;
}

/** An image comes to about 1,600 tokens at most, whatever its file's size. */
const IMAGE_AS_TEXT_BYTES = 6_400;

/**
 * What a model's reply used. The provider's own numbers come in `raw`, and are read by who knows which of them count;
 * without them the sums count whole, what was read from a cache included.
 */
export function usageOf(usage: unknown, provider: Provider): Usage | undefined {
  if (typeof usage !== "object" || usage === null) return undefined;
  if ("raw" in usage && usage.raw !== undefined) {
    const reader = provider.usageReader("application/json");
    reader?.push(Buffer.from(JSON.stringify({ usage: usage.raw })));
    const read = reader?.end();
    if (read !== undefined) return read;
  }
  const inputTokens = totalOf(usage, "inputTokens");
  const outputTokens = totalOf(usage, "outputTokens");
  return inputTokens === undefined || outputTokens === undefined
    ? undefined
    : { inputTokens, outputTokens, final: true };
}

/** A number in version 2 of the AI SDK's models, an object with a total since. */
function totalOf(usage: object, name: string): number | undefined {
  const value = (usage as Readonly<Record<string, unknown>>)[name];
  const total = typeof value === "object" && value !== null && "total" in value ? value.total : value;
  return typeof total === "number" && Number.isFinite(total) ? total : undefined;
}
