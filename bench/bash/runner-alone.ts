import { mkdir } from "node:fs/promises";
import { selectHostVariables } from "#runner/attempt-environment.ts";
import { RunnerClient } from "#runner/runner-client.ts";
import { createLogger } from "#telemetry/logger.ts";

const logBytes = 1024 * 1024;

export interface RunnerAlone {
  /** Milliseconds for so many shells, so many at once. */
  run(tasks: number, atOnce: number): Promise<number>;
  close(): Promise<void>;
}

/** The runner as a worker uses it, with nothing that decides what it runs. */
export async function openRunnerAlone(dataDir: string): Promise<RunnerAlone> {
  await mkdir(dataDir, { recursive: true });
  const environment = selectHostVariables(process.env);
  const logger = createLogger({ level: "warn", format: "text", component: "bench" });
  const client = new RunnerClient({ dataDir, environment, logger });
  let count = 0;
  const runOne = async (): Promise<void> => {
    count += 1;
    const handle = client.open({
      token: `alone-${process.pid}-${count}`,
      logMaxBytes: logBytes,
      credit: logBytes,
      captureStdout: false,
      onLog: () => {},
    });
    const cwd = handle.directories.work;
    const args = ["-euo", "pipefail", "-c", "true"];
    const { exitCode, failure } = await handle.startProcess({ file: "bash", args, environment, cwd, isLast: true });
    if (exitCode !== 0) throw new Error(`bash ended with ${exitCode}: ${failure?.message}`);
    void handle.close();
  };
  return {
    run: async (tasks, atOnce) => {
      const started = performance.now();
      let left = tasks;
      const work = async (): Promise<void> => {
        for (; left > 0; left -= 1) await runOne();
      };
      await Promise.all(Array.from({ length: atOnce }, work));
      return performance.now() - started;
    },
    close: () => client.stop(),
  };
}
