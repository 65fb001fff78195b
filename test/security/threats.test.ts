/** Each line of SECURITY.md has a test that tries it: this list says which, and is held to what there is. */

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** The tests of each line, as `file: name`; a file is one of `test`, without `.test.ts`. */
const TRIED: Readonly<Record<string, readonly string[]>> = {
  C1: [
    "gateway/hardening: what is not one clear request is refused, the connection closed, and the upstream hears nothing",
    "gateway/hardening: nonsense behind a request is never answered in its place",
    "gateway/hardening: an offer to upgrade to HTTP/2 is ignored, as the standard allows",
    "gateway/pass-through: a body keeps its framing: no length is invented for a request without one, none is lost",
  ],
  C2: [
    "policy/trust: is a claim: anybody's may lower a lane, only a listed caller's may raise it",
    "policy/trust: never reaches an exempt lane, which would be a way around every limit",
    "policy/trust: counts only where the policy names its header, for browsers send it unasked",
    "policy/trust: counts only whole: not its beginning, not with more after it, not in another case",
    "security/client: a target with a # is refused: where the path ends, servers do not agree",
    "security/client: however many headers come, rules have all that the upstream sees",
    "policy/pattern: of ${JSON.stringify(target)} are ${JSON.stringify(readings)}",
  ],
  C3: [
    "security/client: no spelling of a header that is ours to set passes, for some servers take x_a for x-a",
    "gateway/pass-through: no claim and no laneway header reaches an upstream, and an upstream's own are replaced",
    "gateway/pass-through: headers keep their case, order and repetitions; those of one hop are dropped in both directions",
    "gateway/forward-lane: what a client claims is not passed on: the upstream is told what the policy made of it",
  ],
  C4: [
    "security/client: a reply that shows our key is never asked for in a form in which the key could not be seen",
    "gateway/keys: an upstream that echoes the key shows it to nobody: header, status text, body, error, stream",
    "gateway/keys: a policy's key takes the place of the caller's, in the style in which the caller brought its own",
    "gateway/keys: a key that is gone while a request backs off on its account: another goes up, never the caller's",
  ],
  C5: [
    "security/client: no address in a request leads anywhere but to the policy's upstream",
    "gateway/pass-through: the target passes as it was sent, behind the upstream's own base path; a whole URL loses its origin",
  ],
  C6: [
    "security/client: nothing is unpacked: a body that would be a thousand times as long passes as it is, and its model counts as none",
    "gateway/refusals: bodies that are held take no more than their share of memory; what is over is given back",
    "gateway/refusals: a body that must be read and is too large: 413, before and after it is known to be",
  ],
  C7: [
    "security/client: one connection has at most a hundred requests without their answer; with more it is cut, and all is given back",
    "core/memory: a million distinct flow names leave nothing behind",
    "calls/estimate: a million model names, which callers may make up, are not remembered",
    "metrics/page: labels come from the policy and closed lists: flows, models and budgets that callers name add no series",
    "metrics/page: a claim's own text is no label: a lane, an urgency, or unknown, and the counts add up",
  ],
  C8: [
    "gateway/client-leaves: a client that leaves before its small body is complete never takes a seat",
    "gateway/client-leaves: clients that leave at any moment at all leave no seat and no waiter behind",
    "gateway/hardening: headers must arrive within a bound, a whole request need not: it may wait for its turn with its body unread",
    "gateway/idle: a body that does not arrive within five minutes is given up, however slowly it drips",
    "gateway/idle: a thousand streams that stand still, clients that do not read among them: memory is bounded, and a critical call is served",
  ],
  C9: [
    "core/09-bounded-queues: a flow that floods a full lane loses its own tasks, not those of others",
    "core/05-fair: an endless stream of new flows cannot starve one that has been served",
    "gateway/refusals: the flow that fills the lane gets 429 in every shape",
  ],
  C10: [
    "security/client: patterns of models and headers end soon on values made to confuse them",
    "policy/pattern: ends soon on a path made to confuse it, where trying everything would take for ever",
    "providers/usage: no JSON is parsed, neither of events without usage nor of those with it",
  ],
  C11: [
    "security/client: names in a body or a header that every object has mean nothing",
    "security/neighbour: a body of the admin port is bounded, and an object of any shape changes nothing but what it names",
  ],
  C12: [
    "security/neighbour: what an operator's request holds makes no line of the log, and commands no terminal that shows it",
    "cli/top/frame: what comes from elsewhere commands no terminal",
    "admin/page: the page has the last five minutes inside, and a lane's name cannot end the script that holds them",
    "requests/refusal: a page says when to come back and what to name, and nothing of how the service is built",
  ],
  C13: [
    "calls/retry: a quiet lane may retry ten times, a busy one a tenth of its calls more",
    "calls/retry: no try is made before the upstream's retry-after, and callers that were told the same instant spread behind it",
    "requests/refusal: retry-after is whole seconds from 1 to 59, and absent when coming back is pointless",
    "gateway/client-deadlines: credit is for what was refused here, not for who says that it has been here",
  ],
  C14: [
    "gateway/refusals: a fault of the gateway's own: 500 without its details, which the log has under the request's id",
    "gateway/keys: a key that the upstream refuses, and no other: our own 502, which no SDK repeats",
  ],
  C15: ["security/client: a rule goes by what the client chooses, and a claim by who it is"],
  C16: ["security/client: a path in another case is another path, and a rule for GET is none for HEAD"],
  C17: ["security/client: a large upload that drips holds its seat until its lane's time-out, and no longer"],
  C18: [
    "security/client: bodies that are sent slowly take up what memory there is for bodies, and who takes it up gives it back by leaving",
  ],
  C19: [
    "security/client: a flow is what the policy says: an address, whatever a client claims, but a header where it names one",
  ],
  C20: [
    "security/client: the ids of two replies tell how many requests came between them, and nothing of whose they were",
  ],
  U1: [
    "security/upstream: a reply that could be read as two, or as more than a reply, is our 502, and its bytes reach nobody",
    "security/upstream: a second reply behind the first is nobody's, and not the next client's either",
    "gateway/upstream-faults: a reply ${how}, cut off by the upstream, never looks whole to the client",
  ],
  U2: [
    "security/upstream: what an upstream says in our name is dropped, in any spelling, and its status text commands no terminal",
    "security/upstream: what an upstream sends is in no line of the log",
  ],
  U3: [
    "security/upstream: interim replies without end do not put off the lane's time-out",
    "gateway/upstream-faults: an upstream that never answers: 504 when the lane's time is up, the call is aborted and the seat is free",
    "gateway/idle: a stream that falls silent is cut after the idle time-out, and its seat is free",
  ],
  U4: [
    "security/upstream: an event, a line or a value without an end is not kept while its usage is looked for",
    "gateway/once-only: an error too long to be held passes whole, untried",
    "gateway/own-urls: a list too long to be held passes as it is, and so does a compressed one",
    "gateway/pass-through: a client that reads slowly slows the upstream down, and gets every byte",
  ],
  U5: [
    "calls/books: a wrong value stalls nobody for longer than its own reset: our refill brings all back until then",
    "calls/traffic: a retry-after of hours pauses for five minutes and is not waited for",
  ],
  U6: [
    "calls/retry: a quiet lane may retry ten times, a busy one a tenth of its calls more",
    "calls/retry: calm hours pay for no storm, and a storm is forgotten in a minute or two",
  ],
  U7: [
    "security/upstream: a redirect is the client's to follow: the gateway calls nobody but its upstream, and its key is not in the way there",
    "gateway/own-urls: the host is the one that the client dialled, also behind another proxy; else its own is right",
    "adapters/forwarding: tell each hop of a redirect only what it may know",
  ],
  U8: [
    "gateway/keys: an upstream that echoes the key shows it to nobody: header, status text, body, error, stream",
    "gateway/hidden-key: a key is masked wherever a body is cut, and every other byte stays",
    "gateway/hidden-key: headers that show the key are left out, the others are the very same list",
  ],
  U9: ["gateway/odd-requests: a reply that comes compressed all the same passes unchanged"],
  U10: ["gateway/idle: a reply is silent for as long as nothing moves, not for as long as it lasts"],
  U11: ["security/upstream: an https upstream with a certificate that nobody vouches for is not talked to"],
  N1: [
    "security/neighbour: an empty token, of a variable that is not set say, is no token: nobody may act by showing nothing",
    "admin/handler: without a token everything is read-only, and says how to change that",
    "admin/handler: it can be mounted anywhere, and looking can take the token too",
    "gateway/admin: an admin port that others could reach is refused, and nothing is left listening",
    "adapters/http/admin-handler: a token that anybody could guess and a prefix that is none are refused, the token not shown",
  ],
  N2: ["admin/handler: a wrong token is refused, and after ten of them none is compared for a minute"],
  N3: [
    "gateway/admin: the admin port answers no page that made a name of its own point to it",
    "admin/handler: the page begins a session by the token once; another site's page may neither begin one nor use it",
    "security/neighbour: the pages give no file but their own, frame in no other page, and run no script but their own",
  ],
  N4: [
    "security/neighbour: a command in a lane gets its arguments as they are: no shell reads them",
    "cli/run-words: compiled code is kept where no other user can put any, and else not at all",
  ],
  N5: [
    "security/neighbour: a recording is its owner's to read, and holds no key, not even a digest of one",
    "verify/recording/write: flows stand in it as salted hashes: the same for one flow, other ones in the next recording",
    "gateway/keys: metrics, snapshot, log and the policy itself show no key",
    "policy/secrets: no classification shows a credential",
  ],
  N6: [
    "security/neighbour: a body of the admin port is bounded, and an object of any shape changes nothing but what it names",
    "admin/handler: one who reads nothing misses ticks instead of making us keep them, and there is an end to how many listen",
  ],
  N7: [
    "gateway/admin: the admin port answers health, readiness, metrics and a snapshot",
    "gateway/admin: the probes port answers health and readiness by any name, and nothing else",
  ],
  N8: ["security/neighbour: wrong tokens keep the token from being used for a minute, and no session"],
  P1: ["security/author: a policy is data: no tag makes anything else of it, and it names no other file"],
  P2: [
    "policy/policy: is refused rather than read for ever when aliases make it huge",
    "policy/policy: is refused rather than overflowing the stack when it is nested too deeply",
    "policy/reload: keeps the old policy after a bad edit, tells what is wrong, and takes the next good one",
  ],
  P3: [
    "security/author: a name is letters, digits, - _ and .: nothing that a shell, a path, a page, SQL or a header reads otherwise",
    "security/author: an upstream is an http or https address, without a credential, and a value from outside adds no header to it",
    "policy/policy: cannot bring structure into the file: it is filled in after parsing",
    "cli/network: prints one script for a queue of five classes and rules, in words that a shell only can read one way",
    "cli/postgres: quotes names and values so that they stay what they are",
    "cli/kubernetes: leaves alone what it has not made, and then writes nothing",
  ],
  P4: [
    "security/author: __proto__ is no name, so no condition is lost by it and nothing inherits from it; other names of objects are names",
  ],
  P5: [
    "security/author: a token that is empty, blank or short is refused, from a variable too",
    "gateway/admin: an admin port that others could reach is refused, and nothing is left listening",
  ],
  P6: [
    "policy/secrets: a policy in force shows no key, in whatever way it is printed",
    "policy/secrets: is shown as a secret, however it is printed, joined or copied",
  ],
  P7: [
    "cli/live/address: a policy that somebody else wrote sends nobody, and no token, to a host of his choice",
  ],
  P8: [
    "security/author: an author is trusted with the environment and the network: any variable and any address may be named",
  ],
  S1: [
    "publish/install: what is installed runs nothing while it is: no script that a package manager would run",
  ],
  S2: ['package/loads: `import "laneway"` loads no module but the package\\\'s own'],
  S3: [
    "publish/release: a release is published from a tag, after all tests, by a workflow without a token, with its parts",
  ],
  S4: [
    "publish/unit: systemd finds nothing wrong with the unit, and rates what it is exposed to as low",
    "publish/container: as the image runs it, the gateway starts without rights or a disk, answers its probes and drains",
  ],
};

const LINES = [...readFileSync(join(ROOT, "SECURITY.md"), "utf8").matchAll(/^- \*\*([A-Z]\d+)\*\* \S/gm)].map(
  ([, id = ""]) => id,
);

test("every line of the threat model has a test that tries it, and every list of tests has its line", () => {
  assert.ok(LINES.length > 40);
  assert.deepEqual(
    LINES.filter((id) => (TRIED[id] ?? []).length === 0),
    [],
  );
  assert.deepEqual(
    Object.keys(TRIED).filter((id) => !LINES.includes(id)),
    [],
  );
  assert.equal(new Set(LINES).size, LINES.length, "an id stands for one line");
});

test("every test that the threat model rests on exists, under the name that is told", () => {
  const missing = Object.entries(TRIED).flatMap(([id, tests]) => {
    return tests.filter((named) => !existsAs(named)).map((named) => `${id}: ${named}`);
  });
  assert.deepEqual(missing, []);
});

function existsAs(named: string): boolean {
  const colon = named.indexOf(": ");
  const [file, name] = [named.slice(0, colon), named.slice(colon + 2)];
  const path = join(ROOT, "test", `${file}.test.ts`);
  const text = existsSync(path) ? readFileSync(path, "utf8") : "";
  // A call may begin on one line and have its name on the next; a table's names are its rows'.
  const calls = [...text.matchAll(/\b(?:test|it|describe)\(\s*(["'`])((?:\\.|(?!\1)[^\\])*)\1,/g)];
  return calls.some(([, , title]) => title === name);
}
