/** What comes before the load: is the service there, and what can it do? */

import { once } from "node:events";
import { connect } from "node:net";
import { calibrate } from "../../verify/overload/calibrate.ts";
import type { CalibrateOptions } from "../../verify/overload/calibrate.ts";
import type { Target } from "../../verify/overload/target.ts";
import { showMs } from "../../verify/plot/plot.ts";
import type { Paint } from "../demo/paint.ts";

const CONNECT_MS = 5_000;

/** Rejects with the reason when nobody takes a connection. */
export async function reach({ host, port, origin }: Target): Promise<void> {
  const socket = connect({ host, port });
  try {
    await once(socket, "connect", { signal: AbortSignal.timeout(CONNECT_MS) });
  } catch (error) {
    const why =
      error instanceof Error && error.name === "AbortError" ? "no answer" : (error as Error).message;
    throw new Error(`${origin} cannot be reached: ${why}`, { cause: error });
  } finally {
    socket.destroy();
  }
}

/** Calls a second that the service can do; says what was tried. Rejects when it serves nothing, with the reason. */
export async function findCapacity(
  options: CalibrateOptions,
  out: NodeJS.WriteStream,
  paint: Paint,
): Promise<number> {
  const { perSecond, saturated } = await calibrate({
    ...options,
    onStep: ({ offeredPerSecond, servedPerSecond, p99Ms }) => {
      const rates = `asked ${String(offeredPerSecond).padStart(5)}/s, served ${Math.round(servedPerSecond)}/s`;
      out.write(`${paint.dim(`  ${rates}, p99 of the lowest lane ${showMs(p99Ms)}`)}\n`);
    },
  }).catch((error: unknown) => {
    if (options.signal?.aborted === true) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`${options.target.origin} served nothing: ${why}`, { cause: error });
  });
  const found = Math.round(perSecond);
  out.write(
    saturated
      ? `It can do ${found} calls a second: beyond that it fell behind.\n\n`
      : `It keeps up with ${found} calls a second, the most that is tried; --rate says another.\n\n`,
  );
  return perSecond;
}
