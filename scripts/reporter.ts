/**
 * Node's own `spec` report with its last two parts exchanged: the table of coverage, then the summary, so that the
 * counts are what a reader and a CI log end with.
 */

import { Readable } from "node:stream";
import { spec } from "node:test/reporters";
import type { TestEvent } from "node:test/reporters";

const SUMMARY = /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) \d/;

/** `node --test-reporter` takes the default export of a module, and only a generator function is not called with `new`. */
export default async function* report(events: AsyncIterable<TestEvent>): AsyncGenerator {
  yield* Readable.from(summaryLast(events)).pipe(new spec());
}

async function* summaryLast(events: AsyncIterable<TestEvent>): AsyncGenerator<TestEvent> {
  const summary: TestEvent[] = [];
  for await (const event of events) {
    const isSummary =
      event.type === "test:diagnostic" && event.data.nesting === 0 && SUMMARY.test(event.data.message);
    if (isSummary) summary.push(event);
    else yield event;
  }
  yield* summary;
}
