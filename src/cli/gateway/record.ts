/** `laneway gateway --record FILE`: what comes, written down until the gateway has drained. */

import type { Laneway } from "../../policy/laneway.ts";
import { LanewayRecorder, recordedResources } from "../../verify/recording/follow.ts";
import { openRecording } from "../../verify/recording/write.ts";
import type { RecordingWriter } from "../../verify/recording/write.ts";
import { talk } from "../output.ts";

/** A recording that is being made. */
export interface GatewayRecord {
  /** The policy has changed. */
  follow(): void;
  /** Writes what is left, and says what became of it. */
  close(): Promise<void>;
}

/** Begins to record; undefined when the file cannot be written, which has been said then. */
export async function recordGateway(file: string, laneway: Laneway): Promise<GatewayRecord | undefined> {
  const log = (line: string): void => talk(`${file}: ${line}`);
  const resources = recordedResources(laneway);
  let writer: RecordingWriter;
  try {
    writer = await openRecording({ file, policy: laneway.policy, resources, log });
  } catch (error) {
    talk(`laneway gateway: --record: cannot write ${file}: ${(error as Error).message}`);
    return undefined;
  }
  const recorder = new LanewayRecorder(laneway, writer);
  return {
    follow: () => recorder.follow(),
    close: async () => {
      recorder.stop();
      await writer.close();
      const lost = writer.dropped === 0 ? "" : `, ${writer.dropped} were left out: the disk was too slow`;
      talk(`${file}: ${writer.arrivals} arrivals recorded${lost}`);
    },
  };
}
