/** `node --import` this: as in a reader's project, there is one copy of `pg`, and the ORMs are installed beside it. */

import { registerHooks } from "node:module";

const PARENT = new URL("../package.json", import.meta.url).href;
const OTHERS = /^[./]|^node:|^file:|^laneway\b/;

registerHooks({
  resolve(specifier, context, next) {
    const { parentURL = "" } = context;
    if (specifier === "pg") return next(specifier, { ...context, parentURL: PARENT });
    if (OTHERS.test(specifier) || parentURL.includes("/node_modules/") || parentURL.includes("/dist/"))
      return next(specifier, context);
    return next(specifier, { ...context, parentURL: PARENT });
  },
});
