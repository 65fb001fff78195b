// example: no-run a part of main.ts
/** The batch: documents to be labelled, as many as there are, with no more of them in memory than are under way. */

import { Resource } from "laneway";
import type { Ask } from "./model.ts";
import { textOf } from "./model.ts";
import { MODELS } from "./upstream.ts";

/**
 * How many documents are under way is a limit of its own: most of them wait in the queue at the model. Under the model's
 * resource itself, `map` would hold a seat there for each document, and each call would need a second one.
 */
const UNDER_WAY = 32;

/** The labels, in the order of the documents. After `signal` has aborted no further document is begun. */
export async function* labelDocuments(
  documents: Iterable<string>,
  ask: Ask,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const underWay = new Resource({ name: "documents", limit: UNDER_WAY, lanes: [{ name: "batch" }] });
  const label = async (document: string): Promise<string> => {
    const prompt = `Label this document with one word: ${document}`;
    return textOf(await ask({ model: MODELS.cheap, prompt, maxTokens: 24, flow: "documents" }));
  };
  yield* underWay.map(until(signal, documents), label);
}

function* until(signal: AbortSignal, documents: Iterable<string>): Generator<string> {
  for (const document of documents) {
    if (signal.aborted) return;
    yield document;
  }
}
