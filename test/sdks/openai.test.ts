import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { TestContext } from "node:test";
import { needsPackage } from "../needs.ts";
import { atGateway, Pacer, throughGateway, until } from "./through-gateway.ts";

const SDKS = ["openai", "openai-6"];
const QUESTION = { model: "gpt-5.2", messages: [{ role: "user", content: "What is a lane?" }] };
const WEATHER = {
  type: "function",
  function: {
    name: "get_weather",
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
};

/** The package is of a nested project that may not be installed, so its types are not asked for. */
async function load(t: TestContext, sdk: string): Promise<any> {
  if (!needsPackage(t, "test/sdks", sdk)) return undefined;
  return (await import(sdk)).default;
}

for (const sdk of SDKS)
  suite(sdk, () => {
    test("a completion is created with nothing but the base URL changed, and the reply names its lane", async (t) => {
      const OpenAI = await load(t, sdk);
      if (OpenAI === undefined) return;
      const path = await throughGateway(t);
      const client = new OpenAI({ apiKey: "key-of-the-caller", baseURL: `${path.url}/v1` });
      const { data, response } = await client.chat.completions.create(QUESTION).withResponse();
      assert.equal(data.choices[0].finish_reason, "stop");
      assert.equal(response.headers.get("laneway-lane"), "normal");
      assert.equal(path.calls[0]?.header("authorization"), "Bearer key-of-the-caller");
      assert.deepEqual(atGateway(path), { seats: 0, waiting: 0 });
    });

    test("a stream arrives chunk by chunk, while the model is still at work, and ends with its usage", async (t) => {
      const OpenAI = await load(t, sdk);
      if (OpenAI === undefined) return;
      const pacer = new Pacer();
      const path = await throughGateway(t, { pace: pacer.pace });
      const client = new OpenAI({ apiKey: "any", baseURL: `${path.url}/v1` });
      const opened = client.chat.completions.create({
        ...QUESTION,
        stream: true,
        stream_options: { include_usage: true },
      });
      await until(() => pacer.held > 0);
      pacer.goOn();
      const chunks = (await opened)[Symbol.asyncIterator]();
      const first = await chunks.next();
      assert.equal(first.value.choices[0].delta.role, "assistant");
      assert.equal(atGateway(path).seats, 1);
      pacer.open();
      let text = "";
      let usage: { completion_tokens: number } | undefined;
      for (let next = await chunks.next(); !next.done; next = await chunks.next()) {
        text += next.value.choices[0]?.delta.content ?? "";
        usage = next.value.usage ?? usage;
      }
      assert.equal(usage?.completion_tokens, text.split(" ").length);
      await until(() => atGateway(path).seats === 0);
    });

    test("a tool is called and its result answered, whole and streamed", async (t) => {
      const OpenAI = await load(t, sdk);
      if (OpenAI === undefined) return;
      const path = await throughGateway(t);
      const client = new OpenAI({ apiKey: "any", baseURL: `${path.url}/v1` });
      const whole = await client.chat.completions.create({ ...QUESTION, tools: [WEATHER] });
      const streamed = await client.chat.completions
        .stream({ ...QUESTION, tools: [WEATHER] })
        .finalChatCompletion();
      for (const completion of [whole, streamed]) {
        const { message, finish_reason: reason } = completion.choices[0];
        assert.equal(reason, "tool_calls");
        assert.deepEqual(JSON.parse(message.tool_calls[0].function.arguments), { city: "example" });
        const result = { role: "tool", tool_call_id: message.tool_calls[0].id, content: "sunny" };
        const { role, content, tool_calls } = message;
        const messages = [...QUESTION.messages, { role, content, tool_calls }, result];
        const answer = await client.chat.completions.create({ ...QUESTION, tools: [WEATHER], messages });
        assert.equal(answer.choices[0].finish_reason, "stop");
      }
    });

    test("the responses API works too, whole and streamed, and models are listed", async (t) => {
      const OpenAI = await load(t, sdk);
      if (OpenAI === undefined) return;
      const path = await throughGateway(t);
      const client = new OpenAI({ apiKey: "any", baseURL: `${path.url}/v1` });
      const request = { model: "gpt-5.2", input: "What is a lane?" };
      const whole = await client.responses.create(request);
      const streamed = await client.responses.stream(request).finalResponse();
      assert.equal(streamed.output[0].content[0].text, whole.output_text);
      assert.ok(whole.output_text.length > 0);
      const ids: string[] = [];
      for await (const model of client.models.list()) ids.push(model.id);
      assert.ok(ids.includes("gpt-5.2"));
    });

    test("aborting in the middle of a stream stops the model and gives the seat back", async (t) => {
      const OpenAI = await load(t, sdk);
      if (OpenAI === undefined) return;
      const pacer = new Pacer();
      const path = await throughGateway(t, { pace: pacer.pace });
      const client = new OpenAI({ apiKey: "any", baseURL: `${path.url}/v1` });
      const opened = client.chat.completions.create({ ...QUESTION, stream: true });
      await until(() => pacer.held > 0);
      pacer.goOn();
      const stream = await opened;
      for await (const _chunk of stream) break;
      await until(() => path.standIn.stats().abandoned === 1);
      await until(() => atGateway(path).seats === 0);
    });

    test("aborting while queued leaves the queue, and the upstream never hears of the call", async (t) => {
      const OpenAI = await load(t, sdk);
      if (OpenAI === undefined) return;
      const pacer = new Pacer();
      const path = await throughGateway(t, { limit: 1, pace: pacer.pace });
      const client = new OpenAI({ apiKey: "any", baseURL: `${path.url}/v1` });
      const first = client.chat.completions.create(QUESTION);
      first.catch(() => undefined);
      await until(() => pacer.held === 1);
      const caller = new AbortController();
      const second = client.chat.completions.create(QUESTION, { signal: caller.signal });
      const failed = assert.rejects(second, OpenAI.APIUserAbortError);
      await until(() => atGateway(path).waiting === 1);
      caller.abort();
      await failed;
      await until(() => atGateway(path).waiting === 0);
      pacer.open();
      await first;
      assert.equal(path.calls.length, 1);
    });

    test("a call that a full lane refuses throws the SDK's RateLimitError, with OpenAI's code and when to come back", async (t) => {
      const OpenAI = await load(t, sdk);
      if (OpenAI === undefined) return;
      const pacer = new Pacer();
      const path = await throughGateway(t, { limit: 1, lane: "queue: { max: 1 }", pace: pacer.pace });
      const client = new OpenAI({ apiKey: "any", baseURL: `${path.url}/v1`, maxRetries: 0 });
      const first = client.chat.completions.create(QUESTION);
      first.catch(() => undefined);
      await until(() => pacer.held === 1);
      const second = client.chat.completions.create(QUESTION);
      second.catch(() => undefined);
      await until(() => atGateway(path).waiting === 1);
      await assert.rejects(client.chat.completions.create(QUESTION), (error: any) => {
        assert.ok(error instanceof OpenAI.RateLimitError);
        assert.equal(error.code, "rate_limit_exceeded");
        assert.match(error.message, /normal/);
        assert.match(error.headers.get("retry-after"), /^([1-9]|[1-5]\d)$/);
        return true;
      });
      pacer.open();
      await Promise.all([first, second]);
    });

    test("an error of the upstream passes with its body, and its x-should-retry is obeyed", async (t) => {
      const OpenAI = await load(t, sdk);
      if (OpenAI === undefined) return;
      const fail = () => ({
        status: 429,
        type: "insufficient_quota",
        message: "No money",
        headers: { "x-should-retry": "false" },
      });
      const path = await throughGateway(t, { fail });
      const client = new OpenAI({ apiKey: "any", baseURL: `${path.url}/v1` });
      await assert.rejects(client.chat.completions.create(QUESTION), (error: any) => {
        assert.equal(error.code, "insufficient_quota");
        assert.ok(error.requestID.startsWith("req_"));
        return true;
      });
      assert.equal(path.calls.length, 1);
    });
  });
