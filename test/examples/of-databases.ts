/** `node --import` this: clients of databases that an example imports are those of the tests. */

import { registerHooks } from "node:module";

const PARENT = new URL("../databases/package.json", import.meta.url).href;

registerHooks({
  resolve(specifier, context, next) {
    if (/^[./]|^node:|^laneway\b/.test(specifier) || context.parentURL?.includes("/node_modules/") === true)
      return next(specifier, context);
    return next(specifier, { ...context, parentURL: PARENT });
  },
});
