/** What does not parse, in words that say what to write. */

import type { YAMLError } from "yaml";

/** The message and hint for a syntax error of `text`. */
export function syntaxWords(
  { code, message, pos }: YAMLError,
  text: string,
): { message: string; hint: string } {
  const words = known(code, message, text.slice(Math.max(0, pos[0] - 1), pos[0] + 1));
  const hint = words?.hint ?? "the rest is checked once this is repaired";
  return { message: `not valid YAML: ${words?.message ?? message.split("\n", 1)[0]!}`, hint };
}

function known(
  code: string,
  message: string,
  around: string,
): { message: string; hint?: string } | undefined {
  if (around === "${")
    return { message: "inside { } and [ ] a variable needs quotes", hint: 'write "${NAME}"' };
  if (code === "TAB_AS_INDENT") return { message: "a line begins with a tab", hint: "indent with spaces" };
  if (code === "MULTIPLE_DOCS")
    return { message: "one file holds one policy", hint: "remove the --- and what does not belong" };
  if (code === "BLOCK_AS_IMPLICIT_KEY")
    return {
      message: "a second colon in one line",
      hint: "put the value in quotes, or on a line of its own",
    };
  if (code === "MISSING_CHAR" && message.includes("quote")) return { message: "a quote is not closed" };
  if (code === "BAD_INDENT" && message.startsWith("Flow map"))
    return { message: "a { is not closed before here" };
  if (code === "BAD_INDENT" && message.startsWith("Flow sequence"))
    return { message: "a [ is not closed before here" };
  if (code === "BAD_SCALAR_START")
    return { message: "a value cannot begin with this character", hint: "put it in quotes" };
  // A message may quote the text around the error, and that may be a secret.
  if (code === "UNEXPECTED_TOKEN") return { message: "this does not fit what stands before it" };
  return undefined;
}
