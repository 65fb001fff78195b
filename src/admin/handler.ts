/**
 * The admin pages as one request listener: health, metrics, the live page and its feed, and, for who has the token, what
 * an operator may change for a time. The gateway serves it on its admin port; a program mounts it in its own server.
 */

import { readFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { isLanewayError } from "../core/errors.ts";
import type { Laneway } from "../policy/laneway.ts";
import type { OverrideRequest } from "../policy/overrides.ts";
import { AccessControl } from "./access.ts";
import type { Access } from "./access.ts";
import { Audit } from "./audit.ts";
import { Feed } from "./feed.ts";
import type { Repeat } from "./feed.ts";
import type { ShownForecast } from "./wire.ts";
import { Journeys } from "./journeys.ts";
import { commandOf, shownOverride, textOf } from "./overrides.ts";
import { assetOf, etagOf, FILE_HEADERS, Page } from "./page.ts";
import { placeOf } from "./place.ts";
import { BadBody, readJson, send, sendJson } from "./reply.ts";

/** What the admin pages need beside the `Laneway`; all optional. */
export interface AdminOptions {
  /** What who acts must know; without it everything is read-only. */
  readonly token?: string | undefined;
  /** The path that it is mounted at. Default: where the framework says that it is, else "/". */
  readonly prefix?: string | undefined;
  /** Whether looking takes the token as well: for a port that others can reach. Default false. */
  readonly privateReads?: boolean | undefined;
  /** The URL of the gateway whose pages they are, for who looks for the place to send requests to. */
  readonly gateway?: string | undefined;
  /** Not ready any more: what `/readyz` says. */
  readonly draining?: (() => boolean) | undefined;
  /** The text of `/metrics`; without it there is no such page. `accept` is what the scraper takes. */
  readonly metrics?:
    | ((accept: string | undefined) => { readonly contentType: string; readonly body: string })
    | undefined;
  /** Told of every action, done or refused. Default: a line on stderr. */
  readonly log?: ((line: string) => void) | undefined;
  /** Milliseconds, for sessions. Default: the system's monotonic clock. */
  readonly now?: (() => number) | undefined;
  /** What makes the feed tick. Default: a timer that does not keep the process alive. */
  readonly repeat?: Repeat | undefined;
}

/** A request listener with what belongs to it. */
export interface AdminHandler {
  (req: IncomingMessage, res: ServerResponse): void;
  readonly journeys: Journeys;
  readonly feed: Feed;
  /** Stops the feed and ends its streams. */
  close(): void;
}

type Answer = (req: IncomingMessage, res: ServerResponse, url: URL) => void | Promise<void>;

const everyInterval: Repeat = (fn, everyMs) => {
  const timer = setInterval(fn, everyMs).unref();
  return () => clearInterval(timer);
};

function ownVersion(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}

const JOURNEYS_MOST = 500;

/** Makes the handler; its feed ticks from here on until `close`. */
export function adminPages(laneway: Laneway, options: AdminOptions = {}): AdminHandler {
  const admin = new Admin(laneway, options);
  const handler = (req: IncomingMessage, res: ServerResponse): void => admin.serve(req, res);
  return Object.assign(handler, {
    journeys: admin.journeys,
    feed: admin.feed,
    close: () => admin.close(),
  });
}

class Admin {
  readonly journeys: Journeys = new Journeys();
  readonly feed: Feed;
  private readonly laneway: Laneway;
  private readonly options: AdminOptions;
  private readonly access: AccessControl;
  private readonly audit: Audit;
  private readonly pages: ReadonlyMap<string, Answer>;
  private readonly page: Page;
  private readonly lockedPage: Page;

  constructor(laneway: Laneway, options: AdminOptions) {
    this.laneway = laneway;
    this.options = options;
    this.access = new AccessControl(options.token, options.now ?? (() => performance.now()));
    this.audit = new Audit(options.log ?? ((line) => void process.stderr.write(`laneway: ${line}\n`)));
    this.feed = new Feed(laneway, {
      actions: this.access.actions,
      version: ownVersion(),
      gateway: options.gateway,
    });
    this.page = new Page((error) => this.report(error));
    this.lockedPage = new Page((error) => this.report(error));
    this.journeys.follow(laneway);
    const repeat = options.repeat ?? everyInterval;
    this.feed.start((tick, everyMs) =>
      repeat(() => {
        // A policy that was reloaded may have brought resources.
        this.journeys.follow(laneway);
        tick();
      }, everyMs),
    );
    const read: Record<string, Answer> = {
      "GET api/snapshot": (req, res) => sendJson(req, res, 200, laneway.snapshot()),
      "GET api/state": (req, res) => send(req, res, 200, "application/json", this.feed.text),
      "GET api/events": (req, res) => this.events(req, res),
      "GET api/forecast": (req, res, url) => this.forecast(req, res, url),
      "GET api/journeys": (req, res, url) => this.find(req, res, url),
      "GET api/audit": (req, res) => sendJson(req, res, 200, { entries: this.audit.list() }),
    };
    if (options.metrics !== undefined) read["GET metrics"] = (req, res) => this.metrics(req, res);
    const act: Record<string, Answer> = {
      "POST api/overrides": (req, res) => this.override(req, res),
      "DELETE api/overrides": (req, res, url) => this.endOverride(req, res, url),
    };
    this.pages = new Map<string, Answer>([
      ["GET healthz", (req, res) => send(req, res, 200, TEXT, "ok\n")],
      ["GET readyz", (req, res) => this.ready(req, res)],
      ["GET ", (req, res) => this.sendPage(req, res)],
      ["POST api/session", (req, res) => this.begin(req, res)],
      ["GET api/session", (req, res) => this.session(req, res)],
      ...Object.entries(read).map(([name, answer]) => [name, this.guarded(answer)] as const),
      ...Object.entries(act).map(([name, answer]) => [name, this.acting(name, answer)] as const),
    ]);
  }

  serve(req: IncomingMessage, res: ServerResponse): void {
    const { url, prefix } = placeOf(req, this.options.prefix);
    if (url === undefined) return sendJson(req, res, 400, { error: "expected a path that begins with /" });
    if (!url.pathname.startsWith(prefix)) {
      // The page's own addresses are relative: without the slash they would point beside it.
      if (`${url.pathname}/` === prefix) return void res.writeHead(308, { location: prefix }).end();
      return sendJson(req, res, 404, { error: `there is no ${url.pathname} here` });
    }
    const path = url.pathname.slice(prefix.length);
    const method = req.method === "HEAD" ? "GET" : (req.method ?? "GET");
    const answer = this.pages.get(`${method} ${path}`);
    if (answer === undefined) return this.other(req, res, method, path, prefix);
    void this.answer(answer, req, res, url);
  }

  close(): void {
    this.feed.close();
    this.journeys.close();
  }

  private async answer(answer: Answer, req: IncomingMessage, res: ServerResponse, url: URL): Promise<void> {
    try {
      await answer(req, res, url);
    } catch (error) {
      if (res.headersSent) return void res.destroy();
      if (error instanceof BadBody) return sendJson(req, res, error.status, { error: error.message });
      if (isLanewayError(error)) return sendJson(req, res, 400, { error: error.message });
      sendJson(req, res, 500, { error: "this page failed; the log of the process says why" });
      this.report(error);
    }
  }

  private report(error: unknown): void {
    (this.options.log ?? console.error)(`admin: ${(error as Error).stack}`);
  }

  private other(
    req: IncomingMessage,
    res: ServerResponse,
    method: string,
    path: string,
    prefix: string,
  ): void {
    if (method === "GET" && path.startsWith("assets/")) return this.asset(req, res, path);
    const known = [...this.pages.keys()].map((page) => page.split(" ") as [string, string]);
    const methods = known.filter(([, page]) => page === path).map(([name]) => name);
    if (methods.length === 0) {
      const paths = [...new Set(known.map(([, page]) => prefix + page))];
      return sendJson(req, res, 404, { error: `there is no ${prefix}${path} here`, paths });
    }
    const allow = methods.flatMap((name) => (name === "GET" ? ["GET", "HEAD"] : [name]));
    res.setHeader("allow", allow.join(", "));
    sendJson(req, res, 405, { error: `expected ${allow.join(" or ")}, found ${req.method}` });
  }

  private guarded(answer: Answer): Answer {
    if (this.options.privateReads !== true) return answer;
    return (req, res, url) => this.allowed(req, res, this.access.knows(req)) && answer(req, res, url);
  }

  private acting(name: string, answer: Answer): Answer {
    return async (req, res, url) => {
      const access = this.access.mayAct(req);
      if (!access.may) this.audit.add(from(req), name, access.error);
      if (this.allowed(req, res, access)) await answer(req, res, url);
    };
  }

  private allowed(req: IncomingMessage, res: ServerResponse, access: Access): true | undefined {
    if (access.may) return true;
    if (access.status === 401) res.setHeader("www-authenticate", 'Bearer realm="laneway"');
    if (access.status === 429) res.setHeader("retry-after", "60");
    sendJson(req, res, access.status, { error: access.error });
    return undefined;
  }

  private async sendPage(req: IncomingMessage, res: ServerResponse): Promise<void> {
    // Who may not look gets the page to sign in on, with nothing in it.
    const may = this.options.privateReads !== true || this.access.knows(req).may;
    const page = may ? await this.page.with(this.feed.text) : await this.lockedPage.with(NOTHING);
    for (const [name, value] of Object.entries(page?.headers ?? FILE_HEADERS)) res.setHeader(name, value);
    if (page === undefined)
      return send(req, res, 503, TEXT, "the page was not built into this package: npm run build\n");
    send(req, res, 200, "text/html; charset=utf-8", page.html);
  }

  private asset(req: IncomingMessage, res: ServerResponse, path: string): void {
    const file = assetOf(path);
    if (file === undefined) return sendJson(req, res, 404, { error: `there is no ${path} here` });
    const etag = etagOf(file.body);
    res.setHeader("etag", etag);
    // Its name has its hash in it: under this one it never changes.
    res.setHeader("cache-control", "private, max-age=31536000, immutable");
    for (const [name, value] of Object.entries(FILE_HEADERS)) res.setHeader(name, value);
    if (req.headers["if-none-match"] === etag) return void res.writeHead(304).end();
    send(req, res, 200, file.contentType, file.body);
  }

  private ready(req: IncomingMessage, res: ServerResponse): void {
    const draining = this.options.draining?.() === true;
    send(req, res, draining ? 503 : 200, TEXT, draining ? "draining\n" : "ready\n");
  }

  private metrics(req: IncomingMessage, res: ServerResponse): void {
    const { contentType, body } = this.options.metrics!(req.headers.accept);
    send(req, res, 200, contentType, body);
  }

  private events(req: IncomingMessage, res: ServerResponse): void {
    if (req.method === "HEAD" || !this.feed.listen(res)) {
      res.setHeader("retry-after", "30");
      sendJson(req, res, 503, { error: `${this.feed.listeners} pages are open already` });
    }
  }

  private find(req: IncomingMessage, res: ServerResponse, url: URL): void {
    this.journeys.follow(this.laneway);
    const given = (name: string): string | undefined => url.searchParams.get(name) ?? undefined;
    const limit = Number(given("limit") ?? 100);
    if (!Number.isInteger(limit) || limit < 1 || limit > JOURNEYS_MOST)
      throw new BadBody(400, `limit: expected 1 to ${JOURNEYS_MOST}, found ${given("limit")}`);
    const journeys = this.journeys.find({
      lane: given("lane"),
      resource: given("resource"),
      outcome: given("outcome"),
      text: given("text"),
      limit,
    });
    sendJson(req, res, 200, { journeys });
  }

  private forecast(req: IncomingMessage, res: ServerResponse, url: URL): void {
    const lane = url.searchParams.get("lane") ?? undefined;
    const flow = url.searchParams.get("flow") ?? undefined;
    const forecast = this.laneway.resource(url.searchParams.get("resource") ?? "").forecast({
      ...(lane === undefined ? {} : { lane }),
      ...(flow === undefined ? {} : { flow }),
    });
    const { reason = null, waitMs = null } = forecast;
    sendJson(req, res, 200, { ...forecast, reason, waitMs } satisfies ShownForecast);
  }

  private session(req: IncomingMessage, res: ServerResponse): void {
    sendJson(req, res, 200, { signedIn: this.access.knows(req).may, actions: this.access.actions });
  }

  private async begin(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const { token } = (await readJson(req)) as { readonly token?: unknown };
    const may = this.access.mayAct(req);
    // Whoever has no token yet is who comes here.
    if (!may.may && may.status !== 401) return void this.allowed(req, res, may);
    const access = this.access.compare(req, typeof token === "string" ? token : "");
    this.audit.add(from(req), "session", access.may ? "done" : access.error);
    if (!this.allowed(req, res, access)) return;
    res.setHeader("set-cookie", this.access.begin(placeOf(req, this.options.prefix).prefix));
    sendJson(req, res, 200, { until: "12 hours from now, or until this process ends" });
  }

  private async override(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const request = (await readJson(req)) as OverrideRequest;
    try {
      const override = this.laneway.override(request);
      this.audit.add(
        from(req),
        `${textOf(override)} for ${Math.round(override.durationMs / 60_000)} min`,
        "done",
      );
      this.feed.tick();
      sendJson(req, res, 201, { ...shownOverride(override), made: commandOf(override) });
    } catch (error) {
      if (isLanewayError(error)) this.audit.add(from(req), "POST api/overrides", error.message);
      throw error;
    }
  }

  private endOverride(req: IncomingMessage, res: ServerResponse, url: URL): void {
    const id = url.searchParams.get("id") ?? "";
    const ended = this.laneway.endOverride(id);
    this.audit.add(
      from(req),
      `end of override ${id.slice(0, 20)}`,
      ended ? "done" : "there is none of that id",
    );
    if (ended) this.feed.tick();
    if (ended) sendJson(req, res, 200, { ended: id });
    else sendJson(req, res, 404, { error: "there is no override of that id: it may have ended by itself" });
  }
}

const TEXT = "text/plain; charset=utf-8";
const NOTHING = '{"state":null,"ticks":[],"budgets":[]}';

function from(req: IncomingMessage): string {
  return req.socket.remoteAddress ?? "nobody";
}
