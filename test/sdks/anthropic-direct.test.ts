import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { TestContext } from "node:test";
import { needsPackage } from "../needs.ts";
import { all, sameAsDirect } from "./same-as-direct.ts";

const SDKS = ["@anthropic-ai/sdk", "@anthropic-ai/sdk-0"];
const QUESTION = {
  model: "claude-sonnet-5-5",
  max_tokens: 64,
  messages: [{ role: "user", content: "What is a lane?" }],
};
const WEATHER = {
  name: "get_weather",
  input_schema: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
};

/** Gives a maker of clients of one SDK; its package may not be installed, so its types are not asked for. */
async function load(t: TestContext, sdk: string): Promise<((url: string) => any) | undefined> {
  if (!needsPackage(t, "test/sdks", sdk)) return undefined;
  const Anthropic = (await import(sdk)).default;
  return (url) => new Anthropic({ apiKey: "key-of-the-caller", baseURL: url, maxRetries: 0 });
}

for (const sdk of SDKS)
  suite(`${sdk} gets through the gateway what it gets directly`, () => {
    test("messages, with thinking and tools, whole", async (t) => {
      const client = await load(t, sdk);
      if (client === undefined) return;
      const message: any = await sameAsDirect(t, (url) =>
        client(url).messages.create({
          ...QUESTION,
          thinking: { type: "adaptive" },
          tools: [WEATHER],
        }),
      );
      assert.deepEqual(
        message.content.map(({ type }: { type: string }) => type),
        ["thinking", "text", "tool_use"],
      );
    });

    test("the same as a stream, event by event", async (t) => {
      const client = await load(t, sdk);
      if (client === undefined) return;
      const events = await sameAsDirect(t, async (url) => {
        const request = {
          ...QUESTION,
          thinking: { type: "adaptive" },
          tools: [WEATHER],
        };
        return all(await client(url).messages.create({ ...request, stream: true }));
      });
      const deltas = events.map((event: any) => event.delta?.type).filter((type) => type !== undefined);
      assert.deepEqual(
        deltas.filter((type, at) => type !== deltas[at - 1]),
        ["thinking_delta", "signature_delta", "text_delta", "input_json_delta"],
      );
    });

    test("what its own stream accumulates", async (t) => {
      const client = await load(t, sdk);
      if (client === undefined) return;
      const message: any = await sameAsDirect(t, (url) =>
        client(url)
          .messages.stream({ ...QUESTION, tools: [WEATHER] })
          .finalMessage(),
      );
      assert.deepEqual(message.content[1].input, { city: "example" });
    });

    test("usage of the prompt cache", async (t) => {
      const client = await load(t, sdk);
      if (client === undefined) return;
      const system = [{ type: "text", text: "long ".repeat(200), cache_control: { type: "ephemeral" } }];
      const usages: any = await sameAsDirect(t, async (url) => {
        const one = await client(url).messages.create({ ...QUESTION, system });
        const two = await client(url).messages.create({ ...QUESTION, system });
        return [one.usage, two.usage];
      });
      assert.ok(usages[1].cache_read_input_tokens > 200);
    });

    test("counts of tokens", async (t) => {
      const client = await load(t, sdk);
      if (client === undefined) return;
      const { max_tokens: _unused, ...question } = QUESTION;
      const count: any = await sameAsDirect(t, (url) => client(url).messages.countTokens(question));
      assert.ok(count.input_tokens > 0);
    });

    test("models, one and all of them page by page", async (t) => {
      const client = await load(t, sdk);
      if (client === undefined) return;
      const models: any = await sameAsDirect(t, async (url) => ({
        all: await all(client(url).models.list({ limit: 2 })),
        one: await client(url).models.retrieve("claude-haiku-5-5"),
      }));
      assert.ok(models.all.length > 2);
      assert.equal(models.one.id, "claude-haiku-5-5");
    });

    test("batches: made, polled, listed page by page, cancelled and deleted", async (t) => {
      const client = await load(t, sdk);
      if (client === undefined) return;
      const seen: any = await sameAsDirect(t, async (url) => {
        const { batches } = client(url).messages;
        const requests = [{ custom_id: "one", params: QUESTION }];
        const made = [];
        for (let count = 0; count < 3; count++) made.push(await batches.create({ requests }));
        const listed = (await all(batches.list({ limit: 2 }))).map((batch: any) => batch.id);
        assert.deepEqual(listed, made.map(({ id }) => id).reverse());
        const { id } = made[0];
        const polled = [await batches.retrieve(id), await batches.retrieve(id)];
        // Where results are to be fetched is another test's matter.
        for (const batch of polled) delete batch.results_url;
        return {
          made,
          polled,
          cancelled: await batches.cancel(made[1].id),
          deleted: await batches.delete(id),
        };
      });
      assert.equal(seen.polled[1].processing_status, "ended");
      assert.equal(seen.cancelled.processing_status, "canceling");
    });

    test("files: uploaded, listed page by page, read and deleted", async (t) => {
      const client = await load(t, sdk);
      if (client === undefined) return;
      const bytes = Uint8Array.from({ length: 5_000 }, (_, at) => at % 256);
      const seen: any = await sameAsDirect(t, async (url) => {
        const { files } = client(url).files === undefined ? client(url).beta : client(url);
        const upload = (name: string) =>
          files.upload({ file: new File([bytes], name, { type: "application/pdf" }) });
        const made = [await upload("a.pdf"), await upload("b.pdf"), await upload("c.pdf")];
        const listed = await all(files.list({ limit: 2 }));
        const content = Buffer.from(await (await files.download(made[0].id)).arrayBuffer());
        assert.deepEqual(new Uint8Array(content), bytes);
        return { made, listed, deleted: await files.delete(made[0].id) };
      });
      assert.equal(seen.listed.length, 3);
    });

    test("errors, with their class, words and request id", async (t) => {
      const client = await load(t, sdk);
      if (client === undefined) return;
      const error: any = await sameAsDirect(t, async (url) => {
        const failed = await client(url)
          .messages.create({ ...QUESTION, messages: [] })
          .catch((fault: unknown) => fault);
        const { status, error: body, requestID, message } = failed;
        return { name: failed.constructor.name, status, body, requestID, message };
      });
      assert.equal(error.name, "BadRequestError");
    });
  });
