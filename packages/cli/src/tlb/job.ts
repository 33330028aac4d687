/** A part of a TLB study: some machines and TLBs, one trace. Whoever works on it, this thread or another, does this. */
import { designsOf, study, type Finding, type Study, type Subject, type TraceFacts } from "@portolan/tlb-study";
import type { TraceFormat } from "@portolan/workload";
import { architectureNamed } from "../architectures.js";
import { openInputs, type Inputs } from "../inputs.js";

/** Plain data, so that it can be sent. */
export interface Job {
  readonly path: string;
  readonly subjects: readonly { readonly arch: string; readonly design: string }[];
  readonly format?: TraceFormat;
  readonly memoryBytes?: number;
  readonly seed?: number;
}

/** @param onProgress told which pass it is, and how much of the file has been read in it */
export const performJob = async (
  { path, ...rest }: Job,
  onProgress: (pass: "looking" | "running", bytes: number) => void,
): Promise<Study> => {
  const inputs = await openInputs(undefined, path);
  try {
    return await performOn(inputs, rest, onProgress);
  } finally {
    await inputs.close();
  }
};

/** The same for a trace that is open. */
export const performOn = async (
  inputs: Inputs,
  { subjects, ...options }: Omit<Job, "path">,
  onProgress: (pass: "looking" | "running", bytes: number) => void,
): Promise<Study> => {
  const known: Subject[] = [];
  for (const { arch, design } of subjects) {
    const architecture = await architectureNamed(arch);
    for (const each of designsOf(design, architecture)) known.push({ architecture, design: each });
  }
  if (inputs.workload.trace === undefined) throw new Error("a job has a trace");
  return study(inputs.workload.trace, known, { ...options, onProgress: (pass) => onProgress(pass, inputs.traceRead()) });
};

/** Findings of all jobs in the order of their subjects, which were dealt out in turn. */
export const joined = (studies: readonly Study[]): Study => {
  const [first] = studies;
  const findings: Finding[] = [];
  for (let at = 0; ; at += 1) {
    const finding = studies[at % studies.length].findings.at(Math.floor(at / studies.length));
    if (finding === undefined) break;
    findings.push(finding);
  }
  return { trace: first.trace satisfies TraceFacts, findings };
};
