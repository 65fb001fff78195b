import assert from "node:assert/strict";
import { test } from "node:test";
import { webLanes } from "../../src/adapters/web.ts";
import { Laneway } from "../../src/policy/laneway.ts";
import { parsePolicy } from "../../src/policy/policy.ts";
import { wholeOrRest } from "../../src/requests/web-body.ts";

/** What a reader gets, with how it ended. */
async function read(body: ReadableStream<Uint8Array>): Promise<string[]> {
  const reader = body.getReader();
  const got: string[] = [];
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read())
      got.push(Buffer.from(next.value).toString());
    return [...got, "ended"];
  } catch (error) {
    return [...got, (error as Error).message];
  }
}

async function restOf(body: ReadableStream<Uint8Array>): Promise<ReadableStream<Uint8Array>> {
  const rest = await wholeOrRest(body);
  assert.ok(!(rest instanceof Uint8Array));
  return rest;
}

test("the body of text, JSON, bytes and nothing is there as a whole", async () => {
  const whole = async (response: Response): Promise<string> => {
    const bytes = await wholeOrRest(response.body!);
    assert.ok(bytes instanceof Uint8Array);
    return Buffer.from(bytes).toString();
  };
  assert.equal(await whole(new Response("text")), "text");
  assert.equal(await whole(Response.json({ a: 1 })), '{"a":1}');
  assert.equal(await whole(new Response(Buffer.from("bytes"))), "bytes");
  assert.equal(await whole(new Response("")), "");
});

test("of a stream nothing is lost or swapped, and no more than two chunks are read ahead", async () => {
  let made = 0;
  const rest = await restOf(
    new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          if (made === 5) controller.close();
          else controller.enqueue(Buffer.from(`${++made}`));
        },
      },
      { highWaterMark: 0 },
    ),
  );
  assert.equal(made, 2);
  assert.deepEqual(await read(rest), ["1", "2", "3", "4", "5", "ended"]);
});

test("a stream that says nothing yet is passed on without waiting for it, and ends as it ends", async () => {
  let controller!: ReadableStreamDefaultController<Uint8Array>;
  const source = (): ReadableStream<Uint8Array> =>
    new ReadableStream({ start: (its) => void (controller = its) });
  const late = await restOf(source());
  controller.enqueue(Buffer.from("late"));
  controller.close();
  assert.deepEqual(await read(late), ["late", "ended"]);
  const broken = await restOf(source());
  controller.enqueue(Buffer.from("part"));
  controller.error(new Error("broke off"));
  assert.deepEqual(await read(broken), ["part", "broke off"]);
  const failed = source();
  controller.error(new Error("broken from the start"));
  assert.deepEqual(await read(await restOf(failed)), ["broken from the start"]);
});

test("a reader that leaves is told to the source", async () => {
  let reason: unknown;
  const rest = await restOf(new ReadableStream({ cancel: (why) => void (reason = why) }));
  await rest.getReader().cancel("left");
  assert.equal(reason, "left");
});

test("a reply of one piece keeps its status, its headers and its bytes, and its seat is free with it", async () => {
  const laneway = new Laneway(await parsePolicy("resources: { http: { limit: 1 } }"));
  const handle = webLanes(
    laneway,
    () => new Response("made", { status: 201, statusText: "Made", headers: { "x-own": "1" } }),
  );
  const made = await handle(new Request("http://shop.test/"));
  assert.equal(laneway.resource("http").snapshot().seatsInUse, 0);
  const { status, statusText, headers } = made;
  assert.deepEqual(
    [status, statusText, headers.get("x-own"), headers.get("content-type"), headers.get("laneway-lane")],
    [201, "Made", "1", "text/plain;charset=UTF-8", "normal"],
  );
  assert.equal(await made.text(), "made");
});
