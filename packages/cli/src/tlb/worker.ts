/** What a thread of a study runs. Errors go back as data, because a thread boundary takes their class away. */
import { PortolanError, type ErrorCode } from "@portolan/core";
import type { Study } from "@portolan/tlb-study";
import { performJob, type Job } from "./job.js";

export interface Task {
  readonly job: Job;
  /** Bytes read so far, by job; of both passes together. */
  readonly progress: Float64Array;
  readonly index: number;
  readonly traceBytes: number;
}

/** What comes back. */
export type Result = { readonly study: Study } | { readonly code: ErrorCode; readonly values: PortolanError["values"] };

export default async ({ job, progress, index, traceBytes }: Task): Promise<Result> => {
  try {
    return {
      study: await performJob(job, (pass, bytes) => {
        progress[index] = pass === "looking" ? bytes : traceBytes + bytes;
      }),
    };
  } catch (error) {
    if (error instanceof PortolanError) return { code: error.code, values: error.values };
    throw error;
  }
};
