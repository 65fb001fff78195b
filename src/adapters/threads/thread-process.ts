/**
 * What each thread runs: it takes its nice, and then calls the user's functions in the lane of whoever asked. The user's
 * file is loaded by the first order and not before, because a thread that fails while it starts takes the tasks that
 * wait for it along, and nobody is told.
 */

import { getPriority, setPriority } from "node:os";
import { pathToFileURL } from "node:url";
import { runInLane } from "../../node/context.ts";
import type { LaneContext } from "../../node/context.ts";
import { enterThread } from "./inside.ts";
import { SETUP } from "./order.ts";
import type { Order, Setup, Unusable } from "./order.ts";

type Handler = (task: unknown) => unknown;

const setup = readSetup();
takeNice(setup.nice);
enterThread(setup.filename);

/** Of the function that most orders want. */
let usual: Handler | undefined;
const others = new Map<string, Handler>();

/** One order: the lane, flow and deadline of its caller surround the function of the user's file. */
export function work(order: Order): unknown {
  const isUsual = order.filename === undefined && order.name === undefined;
  const handler = isUsual ? usual : others.get(keyOf(order));
  if (handler === undefined || order.only !== undefined) return first(order, isUsual);
  return call(handler, order);
}

async function first(order: Order, isUsual: boolean): Promise<unknown> {
  if (order.only === "skip") return undefined;
  const found = await load(order.filename ?? setup.filename, order.name ?? setup.name);
  if (typeof found !== "function") return found;
  if (isUsual) usual = found;
  else others.set(keyOf(order), found);
  return order.only === "load" ? undefined : call(found, order);
}

function call(handler: Handler, order: Order): unknown {
  return runInLane(contextOf(order), () => handler(order.task));
}

function contextOf({ lane, flow, deadline, rule }: Order): LaneContext {
  return {
    lane: lane!,
    ...(flow === undefined ? {} : { flow }),
    ...(deadline === undefined ? {} : { deadline: deadline - performance.timeOrigin }),
    ...(rule === undefined ? {} : { rule }),
  };
}

function keyOf({ filename = setup.filename, name = setup.name }: Order): string {
  return `${filename}\0${name}`;
}

/** Our argument is the last one, and the user's code must not see it. */
function readSetup(): Setup {
  return JSON.parse(process.argv.pop()!.slice(SETUP.length)) as Setup;
}

function takeNice(nice: number): void {
  // Elsewhere than on Linux it would be the nice of the whole process.
  if (nice === 0 || process.platform !== "linux") return;
  try {
    // It can only go up, and the process may have been started with more.
    setPriority(0, Math.max(nice, getPriority(0)));
  } catch (error) {
    process.emitWarning(`a thread could not take nice ${nice}: ${(error as Error).message}`, {
      type: "LanewayThreadWarning",
    });
  }
}

async function load(filename: string, name: string): Promise<Handler | Unusable> {
  try {
    const module = (await import(pathToFileURL(filename).href)) as Record<string, unknown>;
    // A CommonJS file exports its functions as properties of its default.
    const inner = module["default"] as Record<string, unknown> | undefined;
    for (const exports of [module, inner]) {
      const found = await exports?.[name];
      if (typeof found === "function") return found as Handler;
    }
    const names = Object.keys({ ...inner, ...module }).join(", ");
    throw new Error(`expected it to export a function "${name}", found ${names || "no exports"}`);
  } catch (error) {
    const known = error instanceof Error;
    return {
      "~laneway": "unusable",
      message: known && error.name === "Error" ? error.message : String(error),
      stack: known ? String(error.stack) : "",
    };
  }
}
