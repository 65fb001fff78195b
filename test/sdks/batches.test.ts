import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { needsPackage } from "../needs.ts";
import { all } from "./same-as-direct.ts";
import { throughGateway } from "./through-gateway.ts";

const REQUEST = {
  custom_id: "one",
  params: {
    model: "claude-sonnet-5-5",
    max_tokens: 64,
    messages: [{ role: "user", content: "What is a lane?" }],
  },
};

for (const sdk of ["@anthropic-ai/sdk", "@anthropic-ai/sdk-0"])
  suite(`results of a batch, with ${sdk}`, () => {
    test("are fetched through the gateway, which the results_url names, whether polled or listed", async (t) => {
      if (!needsPackage(t, "test/sdks", sdk)) return;
      const { default: Anthropic } = await import(sdk);
      const path = await throughGateway(t, { pollsBeforeEnd: 0 });
      const dialled: string[] = [];
      const watching = (...call: Parameters<typeof fetch>): Promise<Response> => {
        dialled.push(new URL(call[0] instanceof Request ? call[0].url : call[0]).origin);
        return fetch(...call);
      };
      const { batches } = new Anthropic({ apiKey: "any", baseURL: path.url, fetch: watching }).messages;
      const second = { ...REQUEST, custom_id: "two" };
      const { id } = await batches.create({ requests: [REQUEST, second] });
      const results: any[] = await all(await batches.results(id));
      assert.deepEqual(new Set(results.map((line) => line.custom_id)), new Set(["one", "two"]));
      assert.ok(results.every((line) => line.result.message.content[0].text.length > 0));
      assert.deepEqual([...new Set(dialled)], [path.url]);
      assert.ok(path.calls.at(-1)?.path.endsWith("/results"));
      const [listed]: any[] = await all(batches.list());
      assert.equal(listed.results_url, `${path.url}/v1/messages/batches/${id}/results`);
    });

    test("need the key of the policy only: the caller's does not go up with the request for them", async (t) => {
      if (!needsPackage(t, "test/sdks", sdk)) return;
      const { default: Anthropic } = await import(sdk);
      const path = await throughGateway(t, { pollsBeforeEnd: 0, claude: 'keys: ["key-of-the-policy"]' });
      const { batches } = new Anthropic({ apiKey: "key-of-the-caller", baseURL: path.url }).messages;
      const { id } = await batches.create({ requests: [REQUEST] });
      assert.equal((await all(await batches.results(id))).length, 1);
      for (const call of path.calls) {
        const credentials = [call.header("x-api-key"), call.header("authorization")].join(" ");
        assert.ok(credentials.includes("key-of-the-policy"), call.path);
        assert.ok(!credentials.includes("key-of-the-caller"), call.path);
      }
    });
  });
