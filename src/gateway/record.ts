/** What a recording tells of a request beside what the scheduler knows: sizes, what it cost, how long its caller waits. */

import { CallNotes } from "../admin/journeys.ts";
import type { Cost } from "../core/options.ts";

/** The notes of a request, which its record carries. Nothing of them says what was asked. */
export class RequestNotes extends CallNotes {
  /** By the request's own `content-length`; NaN where it has none. */
  requestBytes: number = Number.NaN;
  /** Of the reply's body, as it came from the upstream. */
  replyBytes: number = 0;
  /** Where its caller said so: how long its task may take. */
  timeoutMs: number | undefined = undefined;
  /** What it used of its budgets or, where nobody told, what was expected. */
  cost: Cost | undefined = undefined;
}
