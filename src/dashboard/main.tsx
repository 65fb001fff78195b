/** The live page: takes over what the server has drawn, from what came inside the HTML, and follows it. */

import { hydrate } from "preact";
import { App } from "./app.tsx";
import { listenToKeys } from "./keys.ts";
import { begin, follow, inside } from "./live.ts";
import { followAddress, isFirstView } from "./route.ts";

const page = document.getElementById("page")!;

function start(): void {
  begin(inside());
  followAddress();
  // The address may name another view, which the server cannot know.
  if (!isFirstView()) page.replaceChildren();
  hydrate(<App />, page);
  listenToKeys();
  follow();
}

// What was drawn is seen first. A page that is not in front draws no frame, so it does not wait for one.
if (document.visibilityState === "hidden" || !page.hasChildNodes()) start();
else requestAnimationFrame(() => setTimeout(start));
