/** Keeps secrets out of source lines and messages. */

const MASK = "***";

/** What looks like a credential wherever it stands: a user and password in a URL, a bearer token, a provider's key. */
const CREDENTIALS: readonly [RegExp, string][] = [
  [/(?<=:\/\/)[^/\s"'@]+(?=@)/g, MASK],
  [/\bBearer\s+[^\s"',}\]]+/gi, `Bearer ${MASK}`],
  [/\bsk-[\w-]{6,}/g, MASK],
];

/** In a text that does not parse, whatever follows a name such as `key:` on its line. */
const NAMED = /((?:keys?|token|secret|password|authorization|cookie)["']?\s*:\s*)(?!\s*["']?\$\{\w+\})\S.*$/i;

/** `text` without what looks like a credential. */
export function maskText(text: string): string {
  return CREDENTIALS.reduce((masked, [pattern, replacement]) => masked.replace(pattern, replacement), text);
}

/** The pieces of a text that must not be shown, by offset. */
export class SecretRanges {
  readonly #ranges: { start: number; end: number }[] = [];

  add(start: number, end: number): void {
    this.#ranges.push({ start, end });
  }

  /**
   * The line from `lineStart` to `lineEnd` with every secret as `***`, and where the caret of `spot` stands in it.
   * `guess` masks by the look of the line too: after a syntax error no parsed range can be trusted.
   */
  mask(
    text: string,
    lineStart: number,
    lineEnd: number,
    spot: { readonly start: number; readonly end: number },
    guess: boolean,
  ): { source: string; caret: number; length: number } {
    let source = "";
    let caret = spot.start - lineStart;
    let length = Math.max(1, Math.min(spot.end, lineEnd) - spot.start);
    let offset = lineStart;
    for (const { start, end } of this.#ranges.toSorted((one, other) => one.start - other.start)) {
      if (end <= offset || start >= lineEnd) continue;
      const from = Math.max(start, offset);
      const to = Math.min(end, lineEnd);
      source += text.slice(offset, from) + MASK;
      const change = MASK.length - (to - from);
      if (to <= spot.start) caret += change;
      else if (from >= spot.start && from < spot.end) length = Math.max(1, length + change);
      offset = to;
    }
    source += text.slice(offset, lineEnd);
    source = maskText(source.replace(/\r?\n?$/, ""));
    if (guess) source = source.replace(NAMED, `$1${MASK}`);
    return {
      source,
      caret: Math.min(caret, source.length),
      length: Math.max(1, Math.min(length, source.trimEnd().length - caret)),
    };
  }
}
