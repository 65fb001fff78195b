/** The live page: draws what came inside the HTML at once, then follows the server. */

import { render } from "preact";
import { App } from "./app.tsx";
import { listenToKeys } from "./keys.ts";
import { follow } from "./live.ts";

render(<App />, document.getElementById("page")!);
listenToKeys();
follow();
