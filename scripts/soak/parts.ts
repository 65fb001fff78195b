/** Every part of the soak. */

import { doors } from "./doors.ts";
import { gateway } from "./gateway.ts";
import { histories } from "./histories.ts";
import { kills } from "./kills.ts";
import type { Part } from "./part.ts";
import { postgres } from "./postgres.ts";
import { promises } from "./promises.ts";
import { service } from "./service.ts";
import { runs } from "./runs.ts";
import { steady } from "./steady.ts";
import { threads } from "./threads.ts";

/** In the order of the table. */
export const PARTS: readonly Part[] = [
  histories,
  doors,
  promises,
  gateway,
  steady,
  service,
  kills,
  runs,
  threads,
  postgres,
];
