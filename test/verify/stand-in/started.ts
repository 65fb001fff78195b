import type { TestContext } from "node:test";
import { startStandIn } from "../../../src/verify/stand-in/stand-in.ts";
import type { StandIn, StandInOptions } from "../../../src/verify/stand-in/stand-in.ts";

export const ANTHROPIC = {
  "content-type": "application/json",
  "x-api-key": "any",
  "anthropic-version": "2023-06-01",
};
export const OPENAI = { "content-type": "application/json", authorization: "Bearer any" };
export const MESSAGE: { model: string; max_tokens: number; messages: { role: string; content: string }[] } = {
  model: "claude-sonnet-5-5",
  max_tokens: 64,
  messages: [{ role: "user", content: "Hello" }],
};
/** A stand-in that works at once and ends with the test. */
export async function standIn(t: TestContext, options: StandInOptions = { runMs: 0 }): Promise<StandIn> {
  const started = await startStandIn(options);
  t.after(() => started.close());
  return started;
}

/** A POST of JSON, or of a text as it is. */
export function post(
  url: string,
  body: object | string,
  headers: Record<string, string> = ANTHROPIC,
): Promise<Response> {
  return fetch(url, {
    method: "POST",
    headers,
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
}

/** The data of a stream's events. */
export async function eventsOf(response: Response): Promise<Record<string, unknown>[]> {
  const text = await response.text();
  const data = text.split("\n").filter((line) => line.startsWith("data: ") && line !== "data: [DONE]");
  return data.map((line) => JSON.parse(line.slice(6)) as Record<string, unknown>);
}

/** A GET. */
export function get(url: string, headers: Record<string, string> = ANTHROPIC): Promise<Response> {
  return fetch(url, { headers });
}

/** The reply's JSON, of whatever shape. */
export async function json(response: Promise<Response> | Response): Promise<any> {
  return (await response).json();
}
