/**
 * What one service tells the next of a request: its lane, and the time that is left for it. A pair of headers says it,
 * and W3C baggage says it again for whoever lies between and knows no lanes. Here are the names, and how they are read.
 */

/** A request, as far as it is read here: its headers, by lower-case name. */
interface WithHeaders {
  header(name: string): unknown;
}

/** The lane of the work that made the call. */
export const LANE_HEADER = "x-laneway-lane";
/** Whole milliseconds that are left of the deadline of the work that made the call. */
export const DEADLINE_HEADER = "x-laneway-deadline-ms";
/** The same two as members of the `baggage` header. */
export const BAGGAGE_HEADER = "baggage";
export const LANE_MEMBER = "laneway.lane";
export const DEADLINE_MEMBER = "laneway.deadline-ms";

/** The standard's own bound on what must be passed on; nobody has reason to send more. */
const BAGGAGE_LENGTH_MAX = 8_192;

/** The lane that a request claims to have been given by the service that sent it; undefined when it claims none. */
export function forwardedLane(request: WithHeaders): string | undefined {
  const value = request.header(LANE_HEADER);
  if (typeof value === "string" && value !== "") return value;
  return memberOf(request.header(BAGGAGE_HEADER), LANE_MEMBER);
}

/**
 * The milliseconds that the sender of a request has left for it; undefined when it says nothing that can be read. It may
 * be believed from anybody: it can only shorten.
 */
export function forwardedDeadlineMs(request: WithHeaders): number | undefined {
  const value = request.header(DEADLINE_HEADER) ?? memberOf(request.header(BAGGAGE_HEADER), DEADLINE_MEMBER);
  return typeof value === "string" && /^\d{1,12}$/.test(value) ? Number(value) : undefined;
}

/** One member of a `baggage` header, without its properties. */
function memberOf(baggage: unknown, key: string): string | undefined {
  if (typeof baggage !== "string" || baggage.length > BAGGAGE_LENGTH_MAX || !baggage.includes(key))
    return undefined;
  for (const member of baggage.split(",")) {
    const equals = member.indexOf("=");
    if (equals === -1 || member.slice(0, equals).trim() !== key) continue;
    const value = member
      .slice(equals + 1)
      .split(";", 1)[0]!
      .trim();
    try {
      return decodeURIComponent(value);
    } catch {
      return undefined;
    }
  }
  return undefined;
}
