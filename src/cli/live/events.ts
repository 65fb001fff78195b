/** A stream of server-sent events, as far as the admin pages use them: a name and one line of data. */

/** One event. */
export interface SentEvent {
  readonly event: string;
  readonly data: string;
}

/** Longer than any event of a `Laneway`: what sends more without an end is something else. */
const LONGEST = 16_000_000;

/** Reads events out of pieces of text, cut anywhere. */
export class EventReader {
  #rest = "";

  /**
   * The events that are complete with this piece.
   *
   * @throws Error when what comes is no stream of events.
   */
  read(piece: string): SentEvent[] {
    this.#rest += piece;
    const blocks = this.#rest.split("\n\n");
    this.#rest = blocks.pop()!;
    if (this.#rest.length > LONGEST) throw new Error("what it sends has no end");
    return blocks.flatMap((block) => {
      const fields = new Map(
        block.split("\n").map((line) => {
          const colon = line.indexOf(":");
          return [line.slice(0, colon), line.slice(colon + 1).trimStart()] as const;
        }),
      );
      const data = fields.get("data");
      return data === undefined ? [] : [{ event: fields.get("event") ?? "message", data }];
    });
  }
}
