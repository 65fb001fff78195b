/** The demo's colours: for one output stream, or none. */

import { styleText } from "node:util";

/** The few styles the demo uses. Every meaning is also said in words. */
export interface Paint {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly off: (text: string) => string;
  readonly on: (text: string) => string;
  readonly good: (text: string) => string;
  readonly bad: (text: string) => string;
}

/** A painter; without colour every style gives its text unchanged. Yellow and cyan stay apart for colour-blind eyes. */
export function painter(colour: boolean): Paint {
  const style = (format: Parameters<typeof styleText>[0]) => (text: string) =>
    colour && text !== "" ? styleText(format, text, { validateStream: false }) : text;
  return {
    bold: style("bold"),
    dim: style("dim"),
    off: style("yellow"),
    on: style("cyan"),
    good: style("green"),
    bad: style("red"),
  };
}

/** Whether a stream shows colours: a terminal that is not dumb, and NO_COLOR not set to anything. */
export function showsColour(stream: { readonly isTTY?: boolean }, env: NodeJS.ProcessEnv): boolean {
  return stream.isTTY === true && !env["NO_COLOR"] && env["TERM"] !== "dumb";
}
