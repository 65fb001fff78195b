/**
 * The first view as HTML, drawn where the page is served: it is seen before any script has come. A build of its own makes
 * one file of this and of all that it needs, for Node.
 */

import { renderToString } from "preact-render-to-string";
import { App } from "./app.tsx";
import { begin, NOTHING } from "./live.ts";
import type { Snapshot } from "../admin/wire.ts";

/** What stands in the page's place, of the text of a `Snapshot`. Nothing is kept from one call to the next. */
export function draw(data: string): string {
  try {
    begin(JSON.parse(data) as Snapshot);
    return renderToString(<App />);
  } finally {
    begin(NOTHING);
  }
}
