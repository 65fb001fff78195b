/** `laneway top` on a terminal: the feed, the keys, and the picture of both. */

import type { ShownOverride, State, Tick } from "../../admin/wire.ts";
import { painter, showsColour } from "../demo/paint.ts";
import { AdminError } from "../live/admin-port.ts";
import type { AdminPort } from "../live/admin-port.ts";
import { frame } from "./frame.ts";
import { FIRST, press, settled } from "./keys.ts";
import type { Act, Key, Ui } from "./keys.ts";
import { momentOf } from "./model.ts";
import type { Moment } from "./model.ts";
import { Screen } from "./terminal.ts";
import { watch } from "./watch.ts";
import { clean, timeLeft } from "./words.ts";

/**
 * Draws until `q`, Ctrl-C or a signal. Returns the exit code.
 *
 * @throws AdminError when there was no feed from the beginning.
 */
export async function interactive(port: AdminPort): Promise<number> {
  const session = new Session(port, new Screen(process.stdin, process.stdout));
  return await session.run();
}

class Session {
  readonly #port: AdminPort;
  readonly #screen: Screen;
  readonly #stop = new AbortController();
  readonly #paint = painter(showsColour(process.stdout, process.env));
  #ui: Ui = FIRST;
  #state: State | undefined = undefined;
  #moment: Moment | undefined = undefined;
  #lost: string | undefined = undefined;
  #opened = false;
  #exitCode = 0;

  constructor(port: AdminPort, screen: Screen) {
    this.#port = port;
    this.#screen = screen;
  }

  async run(): Promise<number> {
    try {
      await watch(
        this.#port,
        {
          state: (state) => (this.#state = state),
          tick: (tick) => this.#tick(tick),
          lost: (why) => {
            this.#lost = `${why}; asking again each second`;
            this.#draw();
          },
        },
        this.#stop.signal,
      );
    } finally {
      this.#screen.close();
    }
    return this.#exitCode;
  }

  #tick(tick: Tick): void {
    if (this.#state === undefined) return;
    this.#lost = undefined;
    this.#moment = momentOf(this.#state, tick);
    this.#ui = settled(this.#ui, this.#moment);
    if (!this.#opened) this.#open();
    this.#draw();
  }

  /** Not before there is something to show: what is wrong at first is said on the screen that stays. */
  #open(): void {
    this.#opened = true;
    this.#screen.open({
      key: (key) => this.#key(key),
      resized: () => this.#draw(),
      ended: (exitCode) => this.#end(exitCode),
    });
  }

  #end(exitCode: number): void {
    this.#exitCode = exitCode;
    this.#stop.abort();
  }

  #key(key: Key): void {
    const { ui, act, quit, suspend } = press(this.#ui, key, this.#moment, this.#readOnly());
    this.#ui = this.#moment === undefined ? ui : settled(ui, this.#moment);
    if (quit === true) return this.#end(0);
    if (suspend === true) return this.#screen.suspend();
    if (act !== undefined) void this.#do(act);
    this.#draw();
  }

  #readOnly(): string | undefined {
    if (this.#state?.actions === false) return "read-only: no admin token is set there (gateway.adminToken)";
    const lack = this.#port.lacksToken;
    return lack === undefined ? undefined : `read-only: ${lack}, and start again`;
  }

  async #do(act: Act): Promise<void> {
    let message: string;
    try {
      if (act.kind === "end") {
        await this.#port.ask("DELETE", `api/overrides?id=${encodeURIComponent(act.id)}`);
        message = `ended: ${act.text}`;
      } else {
        const made = await this.#port.ask<ShownOverride>("POST", "api/overrides", act.request);
        message = `${made.text}, ${timeLeft(made.until, Date.now())}`;
      }
    } catch (error) {
      if (!(error instanceof AdminError)) throw error;
      message = error.message.split("\n", 1)[0]!;
    }
    this.#ui = { ...this.#ui, message: clean(message) };
    this.#draw();
  }

  #draw(): void {
    const view = {
      name: this.#port.name,
      state: this.#state,
      moment: this.#ui.frozen ?? this.#moment,
      lost: this.#lost,
      now: Date.now(),
    };
    const { columns, rows } = this.#screen;
    this.#screen.draw(frame(view, this.#ui, { columns, rows }, this.#paint));
  }
}
