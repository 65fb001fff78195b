/** `laneway top`: the lanes of what runs, live on a terminal, once as a table, or as lines of JSON. */

import type { Snapshot, State } from "../admin/wire.ts";
import { AdminError, adminPortOf } from "./live/admin-port.ts";
import type { AdminPort, AdminPortOptions } from "./live/admin-port.ts";
import { data, talk } from "./output.ts";
import { plainTables } from "./top/frame.ts";
import { momentOf } from "./top/model.ts";
import type { Moment } from "./top/model.ts";
import { watch } from "./top/watch.ts";
import { clean, timeLeft } from "./top/words.ts";

/** What the command line may say. */
export interface TopCommandOptions extends AdminPortOptions {
  readonly once?: boolean;
  readonly json?: boolean;
}

/** Returns the exit code: 0, 1 when there is nothing to watch, 2 usage, 128 and more when a signal ended it. */
export async function topCommand(options: TopCommandOptions): Promise<number> {
  const port = await adminPortOf(options);
  if (typeof port === "string") {
    talk(`laneway top: ${port}`);
    return 2;
  }
  try {
    if (options.json === true && options.once !== true) return await lines(port);
    const isTerminal = process.stdout.isTTY && process.stdin.isTTY && process.env["TERM"] !== "dumb";
    if (options.once === true || !isTerminal) return await once(port, options.json === true);
    return await (await import("./top/interactive.ts")).interactive(port);
  } catch (error) {
    if (!(error instanceof AdminError)) throw error;
    talk(`laneway top: ${clean(error.message, true)}`);
    return 1;
  }
}

async function once(port: AdminPort, json: boolean): Promise<number> {
  const { state, ticks } = await port.ask<Snapshot>("GET", "api/state");
  const tick = ticks.at(-1);
  if (state === null || tick === undefined) throw new AdminError(`${port.name} has nothing to tell yet`);
  const moment = momentOf(state, tick);
  if (json) {
    data(JSON.stringify(told(moment)));
    return 0;
  }
  if (!state.enforced) talk("shadow mode: everything is decided and counted, nothing is held back");
  if (state.refusedEdit !== null)
    talk(`the last edit of the policy was refused: ${clean(state.refusedEdit)}`);
  for (const line of plainTables(moment)) data(line);
  for (const { id, text, until } of moment.overrides)
    talk(`override ${text}, ${timeLeft(until, Date.now())}  (${id})`);
  return 0;
}

/** One line of JSON a second, until somebody has had enough. */
async function lines(port: AdminPort): Promise<number> {
  const stop = new AbortController();
  let exitCode = 0;
  const ended = (code: number) => () => {
    exitCode = code;
    stop.abort();
  };
  const signals = { SIGINT: ended(130), SIGTERM: ended(143) };
  for (const [signal, listener] of Object.entries(signals)) process.once(signal, listener);
  let state: State | undefined;
  await watch(
    port,
    {
      state: (next) => (state = next),
      tick: (tick) => {
        if (state !== undefined) data(JSON.stringify(told(momentOf(state, tick))));
      },
      lost: (why) => talk(`laneway top: ${clean(why)}; asking again each second`),
    },
    stop.signal,
  );
  for (const [signal, listener] of Object.entries(signals)) process.off(signal, listener);
  return exitCode;
}

/** In the order in which it is read. */
function told({ at, verdict, resources, overrides }: Moment): object {
  return { at: new Date(at).toISOString(), verdict, resources, overrides };
}
