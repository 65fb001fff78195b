/** `node --import` this: prints the URL of every module that the process loaded, as JSON, when it ends. */

import { registerHooks } from "node:module";

const loaded: string[] = [];

registerHooks({
  load(url, context, next) {
    loaded.push(url);
    return next(url, context);
  },
});

process.once("exit", () => process.stdout.write(JSON.stringify(loaded)));
