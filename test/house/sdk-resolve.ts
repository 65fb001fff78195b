/** `node --import` this: what the project does not depend on itself is looked for among the SDKs of the tests. */

import { registerHooks } from "node:module";

const SDKS = new URL("../sdks/package.json", import.meta.url).href;

registerHooks({
  resolve(specifier, context, next) {
    try {
      return next(specifier, context);
    } catch (error) {
      if (/^[./]|^node:|^laneway\b/.test(specifier)) throw error;
      return next(specifier, { ...context, parentURL: SDKS });
    }
  },
});
