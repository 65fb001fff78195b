/** Who changed what: the last changes, for the page, and each as a line of the log. */

/** One attempt to change something. */
export interface AuditEntry {
  readonly at: number;
  /** The address that it came from. */
  readonly from: string;
  readonly action: string;
  /** What came of it: "done", or why not. */
  readonly result: string;
}

const KEPT = 200;

export class Audit {
  readonly #entries: AuditEntry[] = [];
  readonly #log: (line: string) => void;

  constructor(log: (line: string) => void) {
    this.#log = log;
  }

  add(from: string, action: string, result: string): void {
    this.#entries.push({ at: Date.now(), from, action, result });
    if (this.#entries.length > KEPT) this.#entries.shift();
    this.#log(`admin: ${from}: ${action}: ${result}`);
  }

  /** Newest first. */
  list(): AuditEntry[] {
    return this.#entries.toReversed();
  }
}
