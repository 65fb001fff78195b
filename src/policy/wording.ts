/** How messages name a place and what they suggest for a value. */

import type { Path, PolicyDocument } from "./document.ts";
import { closest } from "./suggest.ts";
import { parseDuration, parseRate } from "./units.ts";

/** The value at `path` inside plain data. */
export function valueAt(value: unknown, path: Path): unknown {
  let found = value;
  for (const step of path) {
    if (typeof found !== "object" || found === null || !Object.hasOwn(found, step)) return undefined;
    found = (found as Record<PropertyKey, unknown>)[step];
  }
  return found;
}

const PLAIN_NAME = /^[\w.-]+$/;

/** `lanes.bulk.timeout`, `classify[2].path`: entries of a list go by their name where they have one. */
export function pathName(document: PolicyDocument, value: unknown, path: Path): string {
  let place = "";
  path.forEach((step, index) => {
    if (typeof step !== "number") {
      const word = PLAIN_NAME.test(String(step)) ? String(step) : JSON.stringify(step);
      place += place === "" ? word : `.${word}`;
      return;
    }
    const at = [...path.slice(0, index + 1), "name"];
    const name = valueAt(value, at);
    place +=
      typeof name === "string" && PLAIN_NAME.test(name) && document.isShown(at) ? `.${name}` : `[${step}]`;
  });
  return place === "" ? "the policy" : place;
}

/** What the author probably meant by a value that does not fit. */
export function valueHint(expected: string, value: unknown): string | undefined {
  if (expected.startsWith("a rate") && /^-?0*(?:\.0*)?(?:\/|$)/.test(String(value)))
    return "without the field there is no bound";
  if (typeof value === "object" || value === 0) return undefined;
  const meant = probablyMeant(expected, value);
  return meant === undefined || meant === value ? undefined : `did you mean ${meant}?`;
}

function probablyMeant(expected: string, value: unknown): string | undefined {
  const text = String(value).trim();
  if (expected.includes("duration")) {
    const found = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text);
    const unit = found === null ? undefined : durationUnit(found[2]!.toLowerCase());
    const meant = found === null || unit === undefined ? "" : `${found[1]}${unit}`;
    return parseDuration(meant) === undefined ? undefined : meant;
  }
  if (expected.includes("percentage")) {
    if (typeof value === "number" && value > 0 && value < 1) return `${Math.round(value * 10_000) / 100}%`;
    const found = /^(\d+(?:\.\d+)?)\s*%?$/.exec(text);
    return found !== null && Number(found[1]) <= 100 ? `${found[1]}%` : undefined;
  }
  if (expected === "true or false")
    return { yes: "true", on: "true", no: "false", off: "false" }[text.toLowerCase()];
  if (expected.includes("whole number"))
    return typeof value === "string" && /^\d+$/.test(text) ? text : undefined;
  if (expected.startsWith("an address") && /^:?\d+$/.test(text)) return `127.0.0.1:${text.replace(":", "")}`;
  if (expected.startsWith("a size")) return sizeMeant(text);
  if (expected.startsWith("an amount of memory")) return memoryMeant(text);
  if (expected.startsWith("a rate")) return rateMeant(text);
  const choices = / or /.test(expected) ? expected.split(/, | or /) : [];
  return typeof value === "string" ? closest(value, choices) : undefined;
}

function durationUnit(unit: string): string | undefined {
  if (unit === "" || /^s(?:ecs?|econds?)?$/.test(unit)) return "s";
  if (/^(?:ms|msecs?|millis|milliseconds?)$/.test(unit)) return "ms";
  if (/^m(?:ins?|inutes?)?$/.test(unit)) return "m";
  return /^h(?:rs?|ours?)?$/.test(unit) ? "h" : undefined;
}

function sizeMeant(text: string): string | undefined {
  const found = /^(\d+(?:\.\d+)?)\s*([kmg]?)i?b?$/i.exec(text);
  if (found === null) return undefined;
  const unit = { "": "B", k: "KiB", m: "MiB", g: "GiB" }[found[2]!.toLowerCase()];
  return unit === undefined ? undefined : `${found[1]}${unit}`;
}

/** Kubernetes writes `Mi` for what the rest of a policy calls `MiB`. */
function memoryMeant(text: string): string | undefined {
  const found = /^(\d+(?:\.\d+)?)\s*([kmgt])i?b?$/i.exec(text);
  return found === null ? undefined : `${found[1]}${found[2]!.toUpperCase()}i`;
}

function rateMeant(text: string): string | undefined {
  const found = /^(\d[\d_,]*(?:\.\d+)?)\s*([km]?)(?:\s*(?:\/|per)\s*([a-z]+)|\s*[rt]p(m))?$/i.exec(text);
  if (found === null) return undefined;
  const [, digits = "", thousands = "", word = found[4] ?? "m"] = found;
  const unit = durationUnit(word.toLowerCase());
  if (unit === undefined || unit === "ms") return undefined;
  const amount = Number(digits.replaceAll(/[_,]/g, "")) * { "": 1, k: 1e3, m: 1e6 }[thousands.toLowerCase()]!;
  const meant = `${amount}/${unit === "m" ? "min" : unit}`;
  return (parseRate(meant) ?? 0) >= 1 ? meant : undefined;
}
