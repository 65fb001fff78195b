/** Where fallbacks lead: to a resource that there is and that can serve the same call, never back. */

import type { Path } from "./document.ts";
import { mapAt, textAt } from "./draft.ts";
import type { Draft } from "./draft.ts";
import { ringFrom } from "./fallback.ts";
import { providerOf } from "./provider.ts";
import { pathName, valueAt } from "./wording.ts";

/** Reports fallbacks that name what there is not, what cannot serve the call, or that go round in a ring. */
export function checkFallbacks(draft: Draft): void {
  for (const name of draft.resources) {
    const lanes = Object.keys(mapAt(draft.value, ["resources", name, "lanes"]) ?? {});
    for (const path of [
      ["resources", name, "fallback"],
      ...lanes.map((lane) => ["resources", name, "lanes", lane, "fallback"]),
    ])
      checkOne(draft, name, path);
  }
  const refined = draft.resources.flatMap((name) =>
    Object.keys(mapAt(draft.value, ["resources", name, "lanes"]) ?? {}),
  );
  for (const lane of [undefined, ...new Set(refined)]) checkRings(draft, lane);
}

function checkOne(draft: Draft, own: string, path: Path): void {
  const { document, value, resources, unknownResource } = draft;
  const fields = mapAt(value, path);
  if (fields === undefined) return;
  const place = pathName(document, value, path);
  const { resource, model } = fields;
  if ((resource === undefined) === (model === undefined)) {
    const found = model === undefined ? "neither" : "both";
    document.report(path, `${place}: expected either a resource or a model, found ${found}`);
  }
  checkModel(draft, own, [...path, "model"]);
  const at = [...path, "resource"];
  const target = textAt(value, at);
  if (target === undefined) return;
  if (target === own) {
    document.report(
      at,
      `${place}.resource: a resource cannot fall back to itself`,
      "name another one, or a model",
    );
  } else if (!resources.includes(target)) unknownResource(at, target);
  else checkProviders(draft, own, target, at);
}

function checkModel({ document, value }: Draft, own: string, path: Path): void {
  const model = textAt(value, path);
  if (model === undefined) return;
  const place = pathName(document, value, path);
  if (providerOf(mapAt(value, ["resources", own])) === "http") {
    document.report(path, `${place}: a plain HTTP upstream has no models`, "fall back to a resource");
  } else if (model.includes("*")) {
    // A pattern would stand for the very models that just failed, too.
    const found = document.show(path, model);
    document.report(path, `${place}: expected the name of one model, found the pattern ${found}`);
  } else if (model.trim() !== model) {
    document.report(
      path,
      `${place}: this name begins or ends with a space or line break, as no model's does`,
    );
  }
}

/** Both must speak one protocol: the reply goes to a client that knows only its own. */
function checkProviders({ document, value }: Draft, own: string, target: string, path: Path): void {
  const mine = providerOf(mapAt(value, ["resources", own]));
  const theirs = providerOf(mapAt(value, ["resources", target]));
  // What stands there is no provider at all: that is reported where it stands, or has no upstream itself.
  if (mine === undefined || mine === "unknown" || theirs === "unknown" || mine === theirs) return;
  const place = pathName(document, value, path);
  const other = pathName(document, value, ["resources", target]);
  const message =
    theirs === undefined ? `${other} has no upstream` : `${other} has the provider ${theirs}, not ${mine}`;
  document.report(path, `${place}: ${message}`, "name a resource with the same provider");
}

/** A ring is reported at the fallback that comes last in the file: the same for all lanes, and so once. */
function checkRings(draft: Draft, lane: string | undefined): void {
  const { document, value, resources } = draft;
  const pathOf = (name: string): Path => {
    const own = ["resources", name, "lanes", lane ?? "", "fallback"];
    return lane !== undefined && valueAt(value, own) !== undefined ? own : ["resources", name, "fallback"];
  };
  const next = (name: string): string | undefined => {
    const target = textAt(value, [...pathOf(name), "resource"]);
    // One that falls back to itself is reported as such.
    return target === name || target === undefined || !resources.includes(target) ? undefined : target;
  };
  for (const name of resources) {
    const ring = ringFrom(name, next);
    if (
      ring === undefined ||
      resources.indexOf(name) < Math.max(...ring.map((each) => resources.indexOf(each)))
    )
      continue;
    const at = [...pathOf(name), "resource"];
    const shown = ring.map((each) =>
      pathName(document, value, ["resources", each]).slice("resources.".length),
    );
    document.report(
      at,
      `${pathName(document, value, at)}: expected fallbacks that end somewhere, found ${shown.join(" → ")}`,
      "leave out one of them",
    );
  }
}
