import { execFile } from "node:child_process";

interface ToolCall {
  readonly environment: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

interface ToolAnswer {
  /** Null: it was not started, or ended by a signal or at its deadline. */
  readonly exitCode: number | null;
  readonly stdout: string;
  /** The last line of what it said of a failure. */
  readonly complaint: string;
}

const maxAnswerBytes = 1024 * 1024;

/** Runs a program of the host and waits for its end, at most so long. Never rejects. */
export function callTool(file: string, args: readonly string[], call: ToolCall): Promise<ToolAnswer> {
  const { environment, timeoutMs, signal } = call;
  return new Promise((resolve) => {
    const options = { env: environment, timeout: timeoutMs, killSignal: "SIGKILL", maxBuffer: maxAnswerBytes } as const;
    execFile(file, args, { ...options, ...(signal === undefined ? {} : { signal }) }, (error, stdout, stderr) => {
      const said = stderr.trim().split("\n").at(-1) ?? "";
      if (error === null) return resolve({ exitCode: 0, stdout, complaint: said });
      const exitCode = typeof error.code === "number" ? error.code : null;
      const timedOut = error.killed === true && signal?.aborted !== true;
      const complaint = timedOut ? `no answer within ${timeoutMs} ms` : said === "" ? error.message : said;
      resolve({ exitCode, stdout, complaint });
    });
  });
}
