import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { TestContext } from "node:test";
import { needsPackage } from "../needs.ts";
import { all, sameAsDirect } from "./same-as-direct.ts";

const SDKS = ["openai", "openai-6"];
const QUESTION = { model: "gpt-5.2", messages: [{ role: "user", content: "What is a lane?" }] };
const PARAMETERS = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const CHAT_TOOL = { type: "function", function: { name: "get_weather", parameters: PARAMETERS } };
const TOOL = { type: "function", name: "get_weather", parameters: PARAMETERS, strict: false };

/** Gives a maker of clients of one SDK; its package may not be installed, so its types are not asked for. */
async function load(t: TestContext, sdk: string): Promise<((url: string) => any) | undefined> {
  if (!needsPackage(t, "test/sdks", sdk)) return undefined;
  const OpenAI = (await import(sdk)).default;
  return (url) => new OpenAI({ apiKey: "key-of-the-caller", baseURL: `${url}/v1`, maxRetries: 0 });
}

for (const sdk of SDKS)
  suite(`${sdk} gets through the gateway what it gets directly`, () => {
    test("chat completions with tools, whole and as a stream with its usage", async (t) => {
      const client = await load(t, sdk);
      if (client === undefined) return;
      const seen: any = await sameAsDirect(t, async (url) => {
        const { completions } = client(url).chat;
        const request = { ...QUESTION, tools: [CHAT_TOOL] };
        const streamed = { ...request, stream: true, stream_options: { include_usage: true } };
        return {
          text: await completions.create(QUESTION),
          tool: await completions.create(request),
          streamed: await all(await completions.create(streamed)),
        };
      });
      assert.equal(seen.tool.choices[0].message.tool_calls[0].function.name, "get_weather");
      assert.ok(seen.streamed.at(-1).usage.completion_tokens > 0);
    });

    test("responses that think and call tools, whole and event by event", async (t) => {
      const client = await load(t, sdk);
      if (client === undefined) return;
      const seen: any = await sameAsDirect(t, async (url) => {
        const { responses } = client(url);
        const request = { model: "gpt-5.2", input: "What is a lane?", reasoning: { effort: "low" } };
        const whole = await responses.create(request);
        return {
          whole,
          again: await responses.retrieve(whole.id),
          tool: await responses.create({ ...request, tools: [TOOL] }),
          streamed: await all(await responses.create({ ...request, stream: true })),
          accumulated: await responses.stream({ ...request, tools: [TOOL] }).finalResponse(),
        };
      });
      assert.ok(seen.whole.output_text.length > 0);
      assert.deepEqual(
        seen.accumulated.output.map(({ type }: { type: string }) => type),
        ["reasoning", "function_call"],
      );
    });

    test("embeddings, which the SDK asks for as base64", async (t) => {
      const client = await load(t, sdk);
      if (client === undefined) return;
      const reply: any = await sameAsDirect(t, (url) =>
        client(url).embeddings.create({ model: "text-embedding-3-small", input: ["one", "two"] }),
      );
      assert.equal(typeof reply.data[1].embedding[0], "number");
    });

    test("files and a batch, from the upload to the replies", async (t) => {
      const client = await load(t, sdk);
      if (client === undefined) return;
      const seen: any = await sameAsDirect(t, async (url) => {
        const { files, batches } = client(url);
        const line = { custom_id: "one", method: "POST", url: "/v1/chat/completions", body: QUESTION };
        const file = new File([`${JSON.stringify(line)}\n`], "in.jsonl", { type: "application/jsonl" });
        const input = await files.create({ file, purpose: "batch" });
        const request = {
          input_file_id: input.id,
          endpoint: "/v1/chat/completions",
          completion_window: "24h",
        };
        const made = [];
        for (let count = 0; count < 3; count++) made.push(await batches.create(request));
        await batches.retrieve(made[0].id);
        const done = await batches.retrieve(made[0].id);
        const replies = await (await files.content(done.output_file_id)).text();
        return {
          made,
          done,
          replies: replies
            .trim()
            .split("\n")
            .map((text: string) => JSON.parse(text)),
          cancelled: await batches.cancel(made[1].id),
          listed: await all(batches.list({ limit: 2 })),
          files: await all(files.list({ limit: 1 })),
          deleted: await files.delete(input.id),
        };
      });
      assert.equal(seen.replies[0].response.body.object, "chat.completion");
      assert.equal(seen.listed.length, 3);
      assert.equal(seen.files.length, 2);
    });

    test("models, one and all", async (t) => {
      const client = await load(t, sdk);
      if (client === undefined) return;
      const models: any = await sameAsDirect(t, async (url) => ({
        all: await all(client(url).models.list()),
        one: await client(url).models.retrieve("gpt-5.2"),
      }));
      assert.ok(models.all.length > 1);
    });

    test("errors, with their class, code and request id", async (t) => {
      const client = await load(t, sdk);
      if (client === undefined) return;
      const error: any = await sameAsDirect(t, async (url) => {
        const failed = await client(url)
          .chat.completions.create({ model: "gpt-5.2" })
          .catch((fault: unknown) => fault);
        const { status, code, type, requestID, message } = failed;
        return { name: failed.constructor.name, status, code, type, requestID, message };
      });
      assert.deepEqual([error.name, error.code], ["BadRequestError", "missing_required_parameter"]);
    });
  });
