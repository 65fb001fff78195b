import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { TestContext } from "node:test";
import { needsPackage } from "../needs.ts";
import { atGateway, Pacer, throughGateway, until } from "./through-gateway.ts";

const SDKS = ["@anthropic-ai/sdk", "@anthropic-ai/sdk-0"];
const QUESTION = {
  model: "claude-sonnet-5-5",
  max_tokens: 64,
  messages: [{ role: "user", content: "What is a lane?" }],
};
const WEATHER = {
  name: "get_weather",
  description: "The weather of a city",
  input_schema: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
};

/** The package is of a nested project that may not be installed, so its types are not asked for. */
async function load(t: TestContext, sdk: string): Promise<any> {
  if (!needsPackage(t, "test/sdks", sdk)) return undefined;
  return (await import(sdk)).default;
}

for (const sdk of SDKS)
  suite(sdk, () => {
    test("a message is created with nothing but the base URL changed, and the reply names its lane", async (t) => {
      const Anthropic = await load(t, sdk);
      if (Anthropic === undefined) return;
      const path = await throughGateway(t);
      const client = new Anthropic({ apiKey: "key-of-the-caller", baseURL: path.url });
      const { data, response } = await client.messages.create(QUESTION).withResponse();
      assert.equal(data.content[0].type, "text");
      assert.equal(data.stop_reason, "end_turn");
      assert.equal(response.headers.get("laneway-lane"), "normal");
      assert.equal(data._request_id, response.headers.get("request-id"));
      assert.deepEqual(atGateway(path), { seats: 0, waiting: 0 });
    });

    test("a stream arrives event by event, while the model is still at work", async (t) => {
      const Anthropic = await load(t, sdk);
      if (Anthropic === undefined) return;
      const pacer = new Pacer();
      const path = await throughGateway(t, { pace: pacer.pace });
      const client = new Anthropic({ apiKey: "any", baseURL: path.url });
      const stream = client.messages.stream(QUESTION);
      const texts: string[] = [];
      stream.on("text", (text: string) => texts.push(text));
      await until(() => pacer.held > 0);
      pacer.goOn();
      await until(() => pacer.held > 0);
      pacer.goOn();
      // The first delta reaches the caller although the model holds the next one back.
      await until(() => texts.length === 1);
      assert.equal(atGateway(path).seats, 1);
      pacer.open();
      const message = await stream.finalMessage();
      assert.equal(message.content[0].text, texts.join(""));
      assert.equal(message.usage.output_tokens, texts.join("").split(" ").length);
      await until(() => atGateway(path).seats === 0);
    });

    test("a tool is called and its result answered, whole and streamed", async (t) => {
      const Anthropic = await load(t, sdk);
      if (Anthropic === undefined) return;
      const path = await throughGateway(t);
      const client = new Anthropic({ apiKey: "any", baseURL: path.url });
      const request = { ...QUESTION, tools: [WEATHER], tool_choice: { type: "tool", name: "get_weather" } };
      const whole = await client.messages.create(request);
      const streamed = await client.messages.stream(request).finalMessage();
      for (const message of [whole, streamed]) {
        assert.equal(message.stop_reason, "tool_use");
        const use = message.content.find((block: { type: string }) => block.type === "tool_use");
        assert.deepEqual(use.input, { city: "example" });
        const result = { type: "tool_result", tool_use_id: use.id, content: "sunny" };
        const messages = [
          ...QUESTION.messages,
          { role: "assistant", content: message.content },
          { role: "user", content: [result] },
        ];
        const answer = await client.messages.create({ ...QUESTION, tools: [WEATHER], messages });
        assert.equal(answer.stop_reason, "end_turn");
      }
    });

    test("tokens are counted and models listed", async (t) => {
      const Anthropic = await load(t, sdk);
      if (Anthropic === undefined) return;
      const path = await throughGateway(t);
      const client = new Anthropic({ apiKey: "any", baseURL: path.url });
      const { max_tokens: _unused, ...question } = QUESTION;
      assert.ok((await client.messages.countTokens(question)).input_tokens > 0);
      const ids: string[] = [];
      for await (const model of client.models.list()) ids.push(model.id);
      assert.equal((await client.models.retrieve(ids[0])).id, ids[0]);
    });

    test("both ways of authenticating pass unchanged", async (t) => {
      const Anthropic = await load(t, sdk);
      if (Anthropic === undefined) return;
      const path = await throughGateway(t);
      const headers = {
        "x-api-key": { apiKey: null, authToken: null, defaultHeaders: { "x-api-key": "secret-1" } },
        authorization: { apiKey: null, authToken: "secret-2" },
      };
      for (const [header, credentials] of Object.entries(headers)) {
        const client = new Anthropic({ ...credentials, baseURL: path.url });
        await client.messages.create(QUESTION);
        assert.match(
          path.calls.at(-1)?.header(header) ?? "",
          header === "authorization" ? /^Bearer secret-2$/ : /^secret-1$/,
        );
      }
      await new Anthropic({ apiKey: "secret-3", baseURL: path.url }).messages.create(QUESTION);
      const last = path.calls.at(-1);
      assert.ok([last?.header("x-api-key"), last?.header("authorization")].join().includes("secret-3"));
    });

    test("aborting in the middle of a stream stops the model and gives the seat back", async (t) => {
      const Anthropic = await load(t, sdk);
      if (Anthropic === undefined) return;
      const pacer = new Pacer();
      const path = await throughGateway(t, { pace: pacer.pace });
      const client = new Anthropic({ apiKey: "any", baseURL: path.url });
      const stream = client.messages.stream(QUESTION);
      const failed = assert.rejects(stream.finalMessage(), Anthropic.APIUserAbortError);
      await until(() => pacer.held > 0);
      pacer.goOn();
      await new Promise((resolve) => stream.once("connect", resolve));
      stream.abort();
      await failed;
      await until(() => path.standIn.stats().abandoned === 1);
      await until(() => atGateway(path).seats === 0);
    });

    test("aborting while queued leaves the queue, and the upstream never hears of the call", async (t) => {
      const Anthropic = await load(t, sdk);
      if (Anthropic === undefined) return;
      const pacer = new Pacer();
      const path = await throughGateway(t, { limit: 1, pace: pacer.pace });
      const client = new Anthropic({ apiKey: "any", baseURL: path.url });
      const first = client.messages.create(QUESTION);
      await until(() => pacer.held === 1);
      const caller = new AbortController();
      const second = client.messages.create(QUESTION, { signal: caller.signal });
      await until(() => atGateway(path).waiting === 1);
      caller.abort();
      await assert.rejects(second, Anthropic.APIUserAbortError);
      await until(() => atGateway(path).waiting === 0);
      pacer.open();
      await first;
      assert.equal(path.calls.length, 1);
    });

    test("a call that a full lane refuses throws the SDK's RateLimitError, with Anthropic's body and when to come back", async (t) => {
      const Anthropic = await load(t, sdk);
      if (Anthropic === undefined) return;
      const pacer = new Pacer();
      const path = await throughGateway(t, { limit: 1, lane: "queue: { max: 1 }", pace: pacer.pace });
      const client = new Anthropic({ apiKey: "any", baseURL: path.url, maxRetries: 0 });
      const first = client.messages.create(QUESTION);
      await until(() => pacer.held === 1);
      const second = client.messages.create(QUESTION);
      await until(() => atGateway(path).waiting === 1);
      await assert.rejects(client.messages.create(QUESTION), (error: any) => {
        assert.ok(error instanceof Anthropic.RateLimitError);
        assert.equal(error.status, 429);
        assert.equal(error.error.error.type, "rate_limit_error");
        assert.match(error.error.error.message, /normal/);
        assert.match(error.headers.get("retry-after"), /^([1-9]|[1-5]\d)$/);
        return true;
      });
      pacer.open();
      await Promise.all([first, second]);
    });

    test("an SDK that may retry comes back after a refusal and is served", async (t) => {
      const Anthropic = await load(t, sdk);
      if (Anthropic === undefined) return;
      const pacer = new Pacer();
      const path = await throughGateway(t, { limit: 1, lane: "queue: { max: 1 }", pace: pacer.pace });
      const attempts: number[] = [];
      const counting = async (...call: Parameters<typeof fetch>): Promise<Response> => {
        const response = await fetch(...call);
        attempts.push(response.status);
        if (response.status === 429) pacer.open();
        return response;
      };
      const client = new Anthropic({ apiKey: "any", baseURL: path.url });
      const held = [client.messages.create(QUESTION)];
      await until(() => pacer.held === 1);
      held.push(client.messages.create(QUESTION));
      await until(() => atGateway(path).waiting === 1);
      const retrying = new Anthropic({ apiKey: "any", baseURL: path.url, fetch: counting });
      const message = await retrying.messages.create(QUESTION);
      assert.equal(message.type, "message");
      assert.deepEqual(attempts, [429, 200]);
      await Promise.all(held);
    });

    test("a call whose time is up is not tried again: coming back would be pointless", async (t) => {
      const Anthropic = await load(t, sdk);
      if (Anthropic === undefined) return;
      const pacer = new Pacer();
      const path = await throughGateway(t, { lane: "timeout: 200ms", pace: pacer.pace });
      const client = new Anthropic({ apiKey: "any", baseURL: path.url });
      await assert.rejects(client.messages.create(QUESTION), (error: any) => {
        assert.equal(error.status, 504);
        assert.equal(error.error.error.type, "timeout_error");
        assert.equal(error.headers.get("x-should-retry"), "false");
        return true;
      });
      assert.equal(path.calls.length, 1);
    });

    test("an error of the upstream passes with its body and request id, and is the SDK's own class", async (t) => {
      const Anthropic = await load(t, sdk);
      if (Anthropic === undefined) return;
      const fail = () => ({
        status: 529,
        type: "overloaded_error",
        message: "Overloaded",
        headers: { "x-should-retry": "false" },
      });
      const path = await throughGateway(t, { fail });
      const client = new Anthropic({ apiKey: "any", baseURL: path.url });
      await assert.rejects(client.messages.create(QUESTION), (error: any) => {
        assert.equal(error.status, 529);
        assert.deepEqual(error.error.error, { type: "overloaded_error", message: "Overloaded" });
        assert.equal(error.error.request_id, error.requestID);
        return true;
      });
      // The upstream's x-should-retry reached the SDK: a 529 is tried three times otherwise.
      assert.equal(path.calls.length, 1);
    });

    test("a mistake in the request is a BadRequestError from the upstream", async (t) => {
      const Anthropic = await load(t, sdk);
      if (Anthropic === undefined) return;
      const path = await throughGateway(t);
      const client = new Anthropic({ apiKey: "any", baseURL: path.url });
      await assert.rejects(client.messages.create({ ...QUESTION, messages: [] }), Anthropic.BadRequestError);
    });
  });
