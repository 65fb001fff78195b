/** What a framework must be able to do for the conformance suite: put an application behind its adapter on a real server. */

import type { TestContext } from "node:test";
import type { Laneway } from "../../src/policy/laneway.ts";

/** What the application answers; each framework turns it into a reply its own way. */
export type Answer =
  | { readonly status?: number; readonly text: string }
  | { readonly stream: ReadableStream<Uint8Array> };

/** The application behind the adapter: called once for each request that is let in. */
export type App = (path: string) => Answer | Promise<Answer>;

/** The adapter's options, in words that every framework can translate into its own. */
export interface ServeOptions {
  readonly lane?: string;
  readonly resource?: string;
  readonly headers?: boolean;
  /** `skip` is true for this path. */
  readonly skipPath?: string;
  /** `flow` is the value of this request header. */
  readonly flowHeader?: string;
  /** `onShed` answers 418 with this text, the framework's own way. */
  readonly ownRefusal?: string;
}

/** A framework with its adapter. */
export interface Framework {
  readonly name: string;
  /** The packages that must be installed, in `folder`. */
  readonly needs: readonly string[];
  /** The nested package of this project that has them. Default "test/frameworks". */
  readonly folder?: string;
  /**
   * Serves `app` on every path by GET and POST, on 127.0.0.1, until the test ends; resolves with the URL. The path
   * `/own-route` is a route of its own, in the lane "bulk" by the framework's own means, where `routeLane` is true.
   */
  start(t: TestContext, laneway: Laneway, options: ServeOptions, app: App): Promise<string>;
  readonly routeLane: boolean;
  /** Serves with the adapter registered twice, as far as the framework lets one: throws, or the server answers 500. */
  twice?(t: TestContext, laneway: Laneway): Promise<string>;
}

/** Puts an application behind the adapter under test; resolves with its URL. */
export type Start = (laneway: Laneway, app?: App, options?: ServeOptions) => Promise<string>;

/** What every adapter does, by the sentence that says so. */
export type Behaviours = Readonly<Record<string, (t: TestContext, start: Start) => Promise<void>>>;
