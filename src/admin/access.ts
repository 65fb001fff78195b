/**
 * Who may look, and who may act. Looking is free on a loopback address, for whoever dialled it by an address: a page in the
 * operator's browser can make a name of its own point here, but then that name is what its requests carry. Acting takes
 * the token: in a header from a program, or once from the page, which then has a session.
 */

import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";

/** What a request may do, or why not. */
export type Access =
  | { readonly may: true }
  | { readonly may: false; readonly status: 401 | 403 | 429; readonly error: string };

const SESSIONS_MOST = 100;
const SESSION_MS = 12 * 3_600_000;
/** Wrong tokens of one address in a minute; more are not even compared. */
const WRONG_MOST = 10;
const WRONG_WINDOW_MS = 60_000;
const ADDRESSES_MOST = 1_000;
const COOKIE = "laneway-session";
const OK: Access = { may: true };

export class AccessControl {
  readonly #tokenDigest: Buffer | undefined;
  readonly #now: () => number;
  readonly #sessions = new Map<string, number>();
  readonly #wrong = new Map<string, { count: number; until: number }>();

  /** Without a token nobody may act, and an empty one, of a variable that is not set say, is none. */
  constructor(token: string | undefined, now: () => number) {
    this.#tokenDigest = token === undefined || token === "" ? undefined : digest(token);
    this.#now = now;
  }

  get actions(): boolean {
    return this.#tokenDigest !== undefined;
  }

  /** Whether a request may change something. */
  mayAct(req: IncomingMessage): Access {
    if (!this.actions)
      return denied(
        403,
        "read-only: set gateway.adminToken in the policy, or the token of adminHandler, to act from here",
      );
    const foreign = this.#fromElsewhere(req);
    return foreign ?? this.knows(req);
  }

  /** Whether it carries the token, or a session that was begun with it. */
  knows(req: IncomingMessage): Access {
    const session = sessionOf(req.headers.cookie);
    if (session !== undefined && (this.#sessions.get(session) ?? 0) > this.#now()) return OK;
    const given = /^bearer (.+)$/i.exec(req.headers.authorization ?? "")?.[1];
    if (given === undefined) return denied(401, "expected the admin token: authorization: Bearer …");
    return this.compare(req, given);
  }

  /** Compares in constant time, and only so many wrong ones a minute from one address. */
  compare(req: IncomingMessage, given: string): Access {
    const address = req.socket.remoteAddress ?? "";
    const wrong = this.#wrong.get(address);
    const now = this.#now();
    if (wrong !== undefined && wrong.until > now && wrong.count >= WRONG_MOST)
      return denied(429, "too many wrong tokens from this address: wait a minute");
    if (this.#tokenDigest !== undefined && timingSafeEqual(digest(given), this.#tokenDigest)) return OK;
    if (this.#wrong.size >= ADDRESSES_MOST) this.#wrong.clear();
    const fresh = wrong === undefined || wrong.until <= now;
    this.#wrong.set(
      address,
      fresh ? { count: 1, until: now + WRONG_WINDOW_MS } : { ...wrong, count: wrong.count + 1 },
    );
    return denied(401, "the token is wrong");
  }

  /** Begins a session and gives the cookie that holds it. */
  begin(path: string): string {
    const now = this.#now();
    for (const [id, until] of this.#sessions)
      if (until <= now || this.#sessions.size >= SESSIONS_MOST) this.#sessions.delete(id);
    const id = randomBytes(24).toString("base64url");
    this.#sessions.set(id, now + SESSION_MS);
    return `${COOKIE}=${id}; Path=${path}; HttpOnly; SameSite=Strict; Max-Age=${SESSION_MS / 1_000}`;
  }

  /** A browser says where a request came from; what says nothing is no browser's. */
  #fromElsewhere(req: IncomingMessage): Access | undefined {
    const site = req.headers["sec-fetch-site"];
    const { origin, host } = req.headers;
    const own = origin === undefined || hostOf(origin) === host;
    if ((site === undefined || site === "same-origin" || site === "none") && own) return undefined;
    return denied(403, "a page of another site may not act here");
  }
}

/** Whether a request names an address, `localhost` or the host that the server was told to listen on. */
export function dialledByAddress(header: string | undefined, ownHost: string | undefined): boolean {
  // A request without a host is no browser's.
  if (header === undefined) return true;
  const host = header.replace(/:\d+$/, "").toLowerCase();
  const bare = host.startsWith("[") && host.endsWith("]") ? host.slice(1, -1) : host;
  return isIP(bare) !== 0 || bare === "localhost" || bare === ownHost?.toLowerCase();
}

function denied(status: 401 | 403 | 429, error: string): Access {
  return { may: false, status, error };
}

function digest(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}

function sessionOf(cookie: string | undefined): string | undefined {
  for (const part of (cookie ?? "").split(";")) {
    const [name, value] = part.trim().split("=", 2);
    if (name === COOKIE) return value;
  }
  return undefined;
}

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}
