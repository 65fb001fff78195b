/** `node --import` this: what the project does not depend on itself is looked for in the private packages of the tests. */

import { registerHooks } from "node:module";

const PACKAGES = ["peers", "sdks", "frameworks", "databases"].map(
  (name) => new URL(`../${name}/package.json`, import.meta.url).href,
);

registerHooks({
  resolve(specifier, context, next) {
    try {
      return next(specifier, context);
    } catch (error) {
      if (/^[./]|^node:|^laneway\b/.test(specifier)) throw error;
      for (const parentURL of PACKAGES) {
        try {
          return next(specifier, { ...context, parentURL });
        } catch {
          // The next one may have it.
        }
      }
      throw error;
    }
  },
});
