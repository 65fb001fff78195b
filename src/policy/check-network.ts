/** What the lanes of a policy ask of the network, together: marks that nobody would set, and shares that do not fit. */

import { listAt, mapAt, textAt } from "./draft.ts";
import type { Draft } from "./draft.ts";
import { parsePercent } from "./units.ts";
import { pathName, valueAt } from "./wording.ts";

/** What a lane without a share needs at least, in percent: a class without any rate would never send. */
export const LEAST_SHARE = 1;

/** Reports marks and shares of lanes in a policy without marks, and shares of more than the link. */
export function checkNetwork({ document, value, lanes }: Draft): void {
  const marks = valueAt(value, ["network"]) !== undefined;
  let sum = 0;
  let shared = 0;
  let reported = false;
  listAt(value, ["lanes"]).forEach((_lane, index) => {
    const path = ["lanes", index, "network"];
    if (mapAt(value, path) === undefined) return;
    if (!marks)
      document.reportName(
        path,
        `${pathName(document, value, path)}: the policy marks nothing`,
        "add network: { profile: safe }, or remove this",
      );
    const share = parsePercent(textAt(value, [...path, "share"]) ?? "");
    if (share === undefined || reported) return;
    sum += share;
    shared++;
    const left = LEAST_SHARE * (lanes.size - shared);
    const isLast = !listAt(value, ["lanes"])
      .slice(index + 1)
      .some((each) => textAt(each, ["network", "share"]) !== undefined);
    // A sum of decimals may pass 100 by a rounding error of its own.
    if (sum <= 100 + 1e-6 && (!isLast || sum + left <= 100 + 1e-6)) return;
    reported = true;
    const at = [...path, "share"];
    const found = document.isShown(at) ? `${Math.round(sum * 100) / 100} % up to this lane` : "more";
    document.report(
      at,
      `shares of the link: expected at most ${isLast ? 100 - left : 100} % in all, found ${found}`,
      isLast && left > 0 ? `each lane without a share needs ${LEAST_SHARE} %` : undefined,
    );
  });
}
