/** `laneway/ai`: calls to models going out, under a resource. One file per way in; what they share is in `calls`. */

export { aiFetch } from "./ai/ai-fetch.ts";
export { anthropicLanes } from "./ai/anthropic-lanes.ts";
export { languageModelLanes } from "./ai/language-model-lanes.ts";
export type { AiFetchOptions } from "./ai/ai-fetch.ts";
export type { AnthropicMiddleware, AnthropicRequest } from "./ai/anthropic-lanes.ts";
export type { LanguageModelLanes } from "./ai/language-model-lanes.ts";
export type { AiLanesOptions } from "./ai/options.ts";
