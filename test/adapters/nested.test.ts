import assert from "node:assert/strict";
import { test } from "node:test";
import { aiFetch } from "../../src/adapters/ai.ts";
import { lanedFetch } from "../../src/adapters/fetch.ts";
import { Resource } from "../../src/index.ts";

const URL_OF = "http://model.test/v1/messages";
const answers = async (): Promise<Response> => new Response("{}", { status: 200 });

test("a laned call inside the map of its own resource is refused, and says what to do instead", async () => {
  const resource = new Resource({ name: "ai", limit: 2 });
  const call = aiFetch(resource, { provider: "anthropic", fetch: answers });
  const texts: string[] = [];
  for await (const response of resource.map(["a", "b"], () => call(URL_OF, { method: "POST", body: "{}" }))) {
    assert.equal(response.status, 400);
    texts.push(await response.text());
  }
  assert.match(
    texts[0]!,
    /resource \\"ai\\": expected a call outside of this resource's own map\(\) and run\(\)/,
  );
  assert.match(texts[1]!, /bound the work by a resource of its own/);
  assert.equal(resource.snapshot().seatsInUse, 0);
});

test("inside the map of another resource a laned call takes its one seat", async () => {
  const resource = new Resource({ name: "ai", limit: 2 });
  const documents = new Resource({ name: "documents", limit: 8 });
  const call = lanedFetch(resource, { fetch: answers });
  const seats: number[] = [];
  for await (const status of documents.map(["a", "b", "c"], async () => {
    const response = await call(URL_OF);
    seats.push(resource.snapshot().seatsInUse);
    await response.text();
    return response.status;
  }))
    assert.equal(status, 200);
  assert.ok(Math.max(...seats) <= 2);
  assert.equal(
    resource.snapshot().lanes.reduce((sum, { finished }) => sum + finished, 0),
    3,
  );
});
