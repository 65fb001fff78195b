/** One case of one question in a process of its own: prints its figure. `node bench/case.ts backlog "laneway 1000"` */

import type { Question } from "./question.ts";

const [file, name] = process.argv.slice(2);
const { question } = (await import(`./${file}.ts`)) as { question: Question };
const found = question.cases[name ?? ""];
if (found === undefined) {
  throw new Error(
    `bench/${file}.ts: expected one of the cases ${Object.keys(question.cases).join(", ")}, found ${name}`,
  );
}
console.log(JSON.stringify(await found.measure()));
// What still waits in a queue is not worth finishing.
process.exit(0);
