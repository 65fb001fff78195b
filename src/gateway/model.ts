/**
 * Finds the model that a JSON body names, without building the rest of it: a chat with its images runs to megabytes,
 * and only one short string of it matters here. Strings are skipped by searching for their closing quote, so that the
 * scan runs nearly at the speed of a byte search.
 */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const COMMA = 0x2c;

/**
 * The string under "model" at the top level of a JSON object; undefined when there is none or the text is not a whole
 * object. Of several, the last counts, as for every common JSON reader: it is the one that the upstream would take.
 */
export function modelOf(body: Buffer): string | undefined {
  let at = skipSpace(body, 0);
  if (body[at] !== OPEN_OBJECT) return undefined;
  let depth = 0;
  /** The next string at depth 1 is a key. */
  let keyNext = false;
  /** The value that comes next stands under "model". */
  let modelNext = false;
  let model: string | undefined;
  for (; at < body.length; at++) {
    const byte = body[at]!;
    if (byte === QUOTE) {
      const end = endOfString(body, at);
      if (end === -1) return undefined;
      if (depth === 1 && keyNext) {
        keyNext = false;
        modelNext = textOf(body, at, end) === "model";
      } else if (modelNext) {
        modelNext = false;
        model = textOf(body, at, end);
      }
      at = end;
    } else if (byte === OPEN_OBJECT || byte === OPEN_LIST) {
      depth++;
      keyNext = depth === 1;
      if (modelNext) {
        // A "model" that is no string replaces an earlier one all the same.
        modelNext = false;
        model = undefined;
      }
    } else if (byte === CLOSE_OBJECT || byte === CLOSE_LIST) {
      if (--depth === 0) return modelNext ? undefined : model;
    } else if (byte === COMMA && depth === 1) {
      // Still set: the value was a number, true, false or null.
      if (modelNext) model = undefined;
      modelNext = false;
      keyNext = true;
    }
  }
  return undefined;
}

function skipSpace(body: Buffer, from: number): number {
  let at = from;
  while (body[at] === 0x20 || body[at] === 0x0a || body[at] === 0x0d || body[at] === 0x09) at++;
  return at;
}

/** The index of the quote that closes the string opened at `open`; -1 when none does. */
function endOfString(body: Buffer, open: number): number {
  let end = body.indexOf(QUOTE, open + 1);
  while (end !== -1) {
    let slashes = 0;
    while (body[end - 1 - slashes] === BACKSLASH) slashes++;
    if (slashes % 2 === 0) return end;
    end = body.indexOf(QUOTE, end + 1);
  }
  return -1;
}

function textOf(body: Buffer, open: number, close: number): string | undefined {
  const raw = body.toString("utf8", open, close + 1);
  if (!raw.includes("\\")) return raw.slice(1, -1);
  try {
    return JSON.parse(raw) as string;
  } catch {
    return undefined;
  }
}
