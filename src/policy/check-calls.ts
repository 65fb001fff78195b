/** What keys, budgets and retries of a resource mean: nothing is accepted that would have no effect. */

import type { Path } from "./document.ts";
import { listAt, mapAt } from "./draft.ts";
import type { Draft } from "./draft.ts";
import { valueMatcher } from "./pattern.ts";
import { providerOf } from "./provider.ts";
import { pathName } from "./wording.ts";

/** Fields that only the gateway acts on, for calls of models; and those that it acts on for plain HTTP too. */
const FOR_MODELS = ["keys", "commitAfter"] as const;
const FOR_UPSTREAMS = ["retry", "fallback", "idleTimeout"] as const;
const KINDS = ["requests", "inputTokens", "outputTokens"] as const;

/** What a header can carry, without the spaces that HTTP takes off its ends. */
const HEADER_VALUE = /^[\x21-\x7e]+$/;

/** Reports keys that cannot be used, budgets that hold nothing, and fields without effect where they stand. */
export function checkCalls(draft: Draft): void {
  for (const name of draft.resources) {
    const path: Path = ["resources", name];
    const resource = mapAt(draft.value, path);
    if (resource === undefined) continue;
    const provider = providerOf(resource);
    const lanes = Object.keys(mapAt(resource, ["lanes"]) ?? {}).map((lane) => [...path, "lanes", lane]);
    checkEffect(draft, path, provider, lanes);
    checkBudgets(draft, [...path, "budgets"], provider === "http");
    checkRetry(draft, path, provider);
    if (provider !== undefined && provider !== "http") checkKeys(draft, [path, ...lanes]);
  }
}

function checkEffect(
  draft: Draft,
  path: Path,
  provider: ReturnType<typeof providerOf>,
  lanes: readonly Path[],
): void {
  if (provider === undefined) {
    for (const field of [...FOR_MODELS, ...FOR_UPSTREAMS])
      withoutEffect(draft, path, field, "without an upstream", "only the gateway acts on it");
    for (const lane of lanes)
      for (const field of ["keys", "fallback"] as const)
        withoutEffect(draft, lane, field, "without an upstream", "only the gateway acts on it");
  } else if (provider === "http") {
    const hint = "it is for provider: anthropic or openai";
    for (const field of FOR_MODELS) withoutEffect(draft, path, field, "for plain HTTP", hint);
    for (const lane of lanes) withoutEffect(draft, lane, "keys", "for plain HTTP", hint);
  }
}

function withoutEffect(
  { document, value }: Draft,
  path: Path,
  field: string,
  where: string,
  hint: string,
): void {
  if (mapAt(value, path)?.[field] === undefined) return;
  const place = pathName(document, value, path);
  document.reportName([...path, field], `${place}: "${field}" has no effect ${where}`, hint);
}

function checkBudgets(draft: Draft, path: Path, plain: boolean): void {
  const { document, value } = draft;
  const budgets = mapAt(value, path);
  if (budgets === undefined) return;
  const place = pathName(document, value, path);
  const models = Object.keys(mapAt(budgets, ["models"]) ?? {});
  const isGiven = (fields: Readonly<Record<string, unknown>> | undefined): boolean =>
    KINDS.some((kind) => fields?.[kind] !== undefined);
  if (plain) {
    for (const field of ["inputTokens", "outputTokens", "models"])
      withoutEffect(draft, path, field, "for plain HTTP", "plain HTTP has requests only");
  }
  const expected = "expected at least one of requests, inputTokens and outputTokens, found none";
  if (Object.keys(budgets).every((field) => field === "models") && models.length === 0)
    document.report(path, `${place}: ${expected}`);
  models.forEach((pattern, index) => {
    const at = [...path, "models", pattern];
    const own = mapAt(value, at);
    if (own !== undefined && Object.keys(own).length === 0 && !isGiven(budgets))
      document.report(at, `${pathName(document, value, at)}: ${expected}`);
    // A star in the later pattern stands for any characters, and only a star of the earlier one takes them all.
    const hides = models.slice(0, index).find((earlier) => valueMatcher(earlier)(pattern));
    if (hides === undefined) return;
    document.reportName(
      at,
      `${place}.models: ${JSON.stringify(pattern)} never applies: ${JSON.stringify(hides)} on line ${document.lineOf([...path, "models", hides])} comes first and matches the same models`,
      "put the narrower pattern first",
    );
  });
}

function checkRetry(draft: Draft, path: Path, provider: ReturnType<typeof providerOf>): void {
  const { document, value } = draft;
  const retry = mapAt(value, [...path, "retry"]);
  if (retry === undefined) return;
  const { attempts, budget, plainHttp } = retry;
  if (plainHttp === true && (provider === "anthropic" || provider === "openai"))
    withoutEffect(
      draft,
      [...path, "retry"],
      "plainHttp",
      "for calls of models",
      "they are tried again anyway",
    );
  if (provider !== "http" || plainHttp === true) return;
  for (const [field, given] of [
    ["attempts", attempts !== undefined && attempts !== 1],
    ["budget", budget !== undefined],
  ] as const) {
    if (!given) continue;
    const at = [...path, "retry", field];
    document.reportName(
      at,
      `${pathName(document, value, at)}: plain HTTP is tried once`,
      "add plainHttp: true to repeat GET, HEAD, OPTIONS, PUT and DELETE",
    );
  }
}

/** `places` are the resource and its lanes: each key has budgets of its own, so that no two may be the same. */
function checkKeys({ document, value }: Draft, places: readonly Path[]): void {
  const firstAt = new Map<string, Path>();
  for (const place of places) {
    listAt(value, [...place, "keys"]).forEach((key, index) => {
      const at = [...place, "keys", index];
      const name = pathName(document, value, at);
      if (typeof key !== "string") return;
      if (key === "") {
        const found = document.show(at, key);
        const words = found.startsWith("the value of") ? `${found}, which is empty` : "an empty text";
        document.report(at, `${name}: expected a key, found ${words}`);
        return;
      }
      if (!HEADER_VALUE.test(key)) {
        document.report(
          at,
          `${name}: this key holds a space, a line break or another character that no header can carry`,
        );
        return;
      }
      const before = firstAt.get(key);
      firstAt.set(key, before ?? at);
      if (before === undefined) return;
      document.report(
        at,
        `${name}: the same key is listed on line ${document.lineOf(before)}`,
        "its budgets would be counted twice",
      );
    });
  }
}
