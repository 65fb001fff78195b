import type { Laneway } from "../../policy/laneway.ts";
import type { Followed } from "../../policy/followed.ts";

/** A policy that comes into force brings its resources by itself; nobody tells, so somebody looks. */
const LOOK_AGAIN_MS = 1_000;

/** Follows the resources of a `Laneway` until the returned function is called; keeps no process alive. */
export function followAll(
  followed: Pick<Followed<unknown>, "follow" | "stop">,
  laneway: Laneway,
): () => void {
  followed.follow(laneway);
  const timer = setInterval(() => followed.follow(laneway), LOOK_AGAIN_MS);
  timer.unref();
  return () => {
    clearInterval(timer);
    followed.stop();
  };
}
