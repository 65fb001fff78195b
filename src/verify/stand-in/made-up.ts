/** What the made-up model reads, says and calls tools with. */

/** A JSON object, or undefined for anything else. */
export function asRecord(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}

/** The text, or nothing for anything that is not text. */
export function asText(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** The JSON object in a body, or undefined for anything else: not JSON and not an object are one mistake to a caller. */
export function readObject(body: Buffer): Readonly<Record<string, unknown>> | undefined {
  try {
    return asRecord(JSON.parse(body.toString("utf8")));
  } catch {
    return undefined;
  }
}

/** How many input tokens a text has: four characters each, as the providers' rules of thumb say, unless told otherwise. */
export function tokensOf(text: string, charsPerToken = 4): number {
  return Math.max(1, Math.ceil(text.length / charsPerToken));
}

const WORDS =
  "This reply was made up by a stand-in that takes its time like a model does and says about as much as a short answer would say".split(
    " ",
  );
const THOUGHTS = "Nobody thinks here but it should look so".split(" ");

/** What the stand-in thinks and says, a word an output token, and whether the caller's limit cut it short. */
export interface Speech {
  readonly thoughts: readonly string[];
  readonly words: readonly string[];
  readonly cut: boolean;
}

/** As many words as asked for, else a short answer's; thoughts first, and never more than the caller's limit. */
export function speak(
  maxTokens: number,
  options: { readonly outputTokens?: number | undefined; readonly thinks?: boolean } = {},
): Speech {
  const most = Math.max(1, Math.floor(Number.isFinite(maxTokens) ? maxTokens : WORDS.length));
  const thoughts = options.thinks === true ? THOUGHTS.slice(0, Math.floor(most / 2)) : [];
  const wanted = Math.max(1, (options.outputTokens ?? WORDS.length + thoughts.length) - thoughts.length);
  const count = Math.min(wanted, Math.max(1, most - thoughts.length));
  const words = Array.from({ length: count }, (_, at) => WORDS[at % WORDS.length] ?? "");
  return { thoughts, words, cut: count < wanted };
}

/** A text in pieces of so many words, which join to the text. */
export function piecesOf(words: readonly string[], size: number): string[] {
  const pieces: string[] = [];
  for (let at = 0; at < words.length; at += size) {
    const piece = words.slice(at, at + size).join(" ");
    pieces.push(at === 0 ? piece : ` ${piece}`);
  }
  return pieces;
}

/** An example value that fits a JSON Schema well enough to call a tool with. */
export function exampleOf(schema: unknown, depth = 0): unknown {
  const rules = asRecord(schema) ?? {};
  const choices = rules["enum"];
  if (Array.isArray(choices) && choices.length > 0) return choices[0];
  switch (rules["type"]) {
    case "object": {
      const fields = Object.entries(asRecord(rules["properties"]) ?? {});
      return depth > 8
        ? {}
        : Object.fromEntries(fields.map(([name, rule]) => [name, exampleOf(rule, depth + 1)]));
    }
    case "array":
      return [exampleOf(rules["items"], depth + 1)];
    case "integer":
    case "number":
      return 1;
    case "boolean":
      return true;
    default:
      return "example";
  }
}
