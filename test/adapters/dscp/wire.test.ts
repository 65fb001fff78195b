import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { needsProgram } from "../../needs.ts";
import { Namespace, needsNetwork, recorded, runs } from "./namespace.ts";
import type { Packet } from "./namespace.ts";

const PROGRAM = fileURLToPath(new URL("wire-program.ts", import.meta.url));

/** The marks of the safe profile, as packets carry them. */
const CS5 = 0xa0;
const CS3 = 0x60;
const CS1 = 0x20;
const LE = 0x04;
const NONE = 0;
/** What replies in the lanes critical, bulk, high, normal and low carry, one after the other. */
const SAFE = [CS5, LE, CS3, NONE, CS1];

/** Marks of what went from a port and to it, and of the packets that opened connections to it. */
interface Seen {
  readonly from: number[];
  readonly to: number[];
  readonly opened: number[];
}

function seen(packets: readonly Packet[], port: number): Seen {
  return {
    from: runs(packets.filter(({ fromPort, opens }) => fromPort === port && !opens)),
    to: runs(packets.filter(({ toPort, opens }) => toPort === port && !opens)),
    opened: runs(packets.filter(({ toPort, opens }) => toPort === port && opens)),
  };
}

describe("marks on the wire", () => {
  it("are there in every way in which Node sends, and one warning where they cannot be", async (t) => {
    if (!needsNetwork(t) || !needsProgram(t, "openssl", "apt-get install openssl")) return;
    const { packets, out } = await recorded(new Namespace(t), process.execPath, PROGRAM);
    const said = out
      .trim()
      .split("\n")
      .map(
        (line) => JSON.parse(line) as { name: string; port: number; upstream: number; warnings: string[] },
      );
    const told = (name: string): (typeof said)[number] => {
      const found = said.find((each) => each.name === name);
      assert.ok(found !== undefined, name);
      return found;
    };
    const of = (name: string): Seen => seen(packets, told(name).port);

    await t.test("a kept connection takes the mark of each reply's lane, over IPv4 and IPv6", () => {
      assert.deepEqual(of("replies, IPv4").from, SAFE);
      assert.deepEqual(of("replies, IPv6").from, SAFE);
      assert.deepEqual(of("replies, rfc4594").from, [0xb8, LE, 0x48, NONE, CS1]);
    });

    await t.test(
      "IPv6 clients of a dual-stack listener get marks; IPv4 ones get none, and one warning",
      () => {
        assert.deepEqual(of("dual-stack, IPv6").from, SAFE);
        assert.deepEqual(of("dual-stack, IPv4").from, [NONE]);
        const { warnings } = told("warnings");
        assert.deepEqual(
          warnings.filter((message) => message.includes("IPv4")),
          [
            "IPv4 clients come through a listener for IPv6, where Node cannot mark their packets: " +
              "listen on 0.0.0.0, or on both with listenOnBoth(server, port) of laneway/dscp",
          ],
        );
      },
    );

    await t.test("a server that listens on both by two listeners marks for both", () => {
      assert.deepEqual(of("on both, IPv4").from, SAFE);
      assert.deepEqual(of("on both, IPv6").from, SAFE);
    });

    await t.test("TLS servers mark; only the handshake, which belongs to no lane, does not", () => {
      assert.deepEqual(of("replies, TLS").from, [NONE, ...SAFE]);
      assert.deepEqual(of("replies, TLS on both").from, [NONE, ...SAFE]);
    });

    await t.test("an HTTP/2 session has the mark of the most important reply under way", () => {
      for (const name of ["HTTP/2", "HTTP/2 over TLS"])
        assert.deepEqual(of(name).from, [NONE, LE, CS5, LE], name);
    });

    await t.test("a policy without marks leaves packets alone, and says so", () => {
      assert.deepEqual(of("no network in the policy").from, [NONE]);
      assert.equal(told("warnings").warnings.filter((message) => message.includes("no network")).length, 1);
    });

    await t.test(
      "connections going out carry the mark of their lane, but for the packet that opens them",
      () => {
        for (const name of ["markedConnect, 127.0.0.1", "markedConnect, ::1"])
          assert.deepEqual([of(name).opened, of(name).to], [[NONE], [LE]], name);
        assert.deepEqual(of("http.Agent").to, [CS3]);
        assert.deepEqual(of("tls.connect").to, [CS1]);
      },
    );

    await t.test(
      "undici's connections carry it too, and none is shared by lanes with different marks",
      () => {
        assert.deepEqual(of("undici").to, [LE, CS5, LE, NONE]);
        const opening = packets.filter(({ toPort, opens }) => opens && toPort === told("undici").port);
        assert.equal(opening.length, 3);
        assert.deepEqual(of("undici over TLS").to, [LE, CS5]);
      },
    );

    await t.test("the gateway marks what it sends to clients and to upstreams", () => {
      const { port, upstream } = told("gateway");
      assert.deepEqual(seen(packets, port).from, [CS5, LE, NONE]);
      assert.deepEqual(seen(packets, upstream).to, [CS5, LE, NONE]);
    });
  });
});
