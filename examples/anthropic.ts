// example: needs=upstream
// The official SDK through `laneway gateway`: the base URL is the only line that knows of it.
import Anthropic from "@anthropic-ai/sdk";

const client = new Anthropic({
  baseURL: process.env["LANEWAY_URL"] ?? "http://127.0.0.1:8080",
  apiKey: process.env["ANTHROPIC_API_KEY"] ?? "a-key",
});
const reply = await client.messages.create({
  model: "claude-sonnet-5",
  max_tokens: 64,
  messages: [{ role: "user", content: "Who goes first when there is not enough for everyone?" }],
});
console.log(reply.content);
