import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { resolveSettings } from "#config/settings.ts";
import { operatorSchemas } from "#operators/registry.ts";
import { startServer } from "#rpc/server.ts";
import { createInProcessTransport } from "#rpc/transport.ts";
import { wireGateway } from "#services/gateway/main.ts";
import { readDefinition } from "#services/parser/read-definition.ts";
import { createLogger } from "#telemetry/logger.ts";
import { startLocalRun } from "../local/local-run.ts";
import { runCommand } from "../run-command.testsuite.ts";
import { openArtifacts } from "../serve/open-artifacts.ts";

const logger = createLogger({ level: "silent", format: "json", component: "test" });
const text = `
id: files
tasks:
  - id: report
    type: bash
    operator:
      bash_command: |
        mkdir "$MILLRACE_ARTIFACTS/out"
        printf 'a,b\\n1,2\\n' > "$MILLRACE_ARTIFACTS/out/table.csv"
        head -c 3000000 /dev/urandom > "$MILLRACE_ARTIFACTS/noise"
        cp "$MILLRACE_ARTIFACTS/noise" "$COPY"
`;

/** A run that has ended in this process, and a gateway on a port that shows it. */
async function serveRun(directory: string) {
  const environment = { MILLRACE_ARTIFACTS_DIRECTORY: join(directory, "kept") };
  const settings = resolveSettings({ flags: { slots: 2 }, environment, file: null });
  const file = join(directory, "files.yaml");
  writeFileSync(file, text.replace("operator:", `environment: {COPY: ${join(directory, "copy")}}\n    operator:`));
  const rules = { operators: operatorSchemas, maxTaskTimeoutMs: settings.limits.maxTaskTimeoutMs };
  const read = readDefinition(readFileSync(file), file, rules);
  if (read.kind !== "valid") throw new Error(JSON.stringify(read.problems));
  const run = await startLocalRun({ file, read, parameters: {}, settings, version: "1", logger });
  onTestFinished(() => run.stop());
  await vi.waitFor(async () => expect((await run.store.queries.getRun(run.runId))?.endedAt).not.toBeNull(), 20_000);
  const nobody = createInProcessTransport(() => undefined, { logger });
  const peers = { parser: nobody, scheduler: nobody, executor: nobody };
  const gateway = wireGateway(settings, {
    ...peers,
    store: run.store,
    artifacts: openArtifacts(settings, logger),
    version: "1",
    logger,
  });
  const { routes, handleHttp } = gateway;
  const server = await startServer({ host: "127.0.0.1", port: 0, routes, handleHttp, logger, closeTimeoutMs: 500 });
  onTestFinished(() => server.close());
  const artifacts = (...args: readonly string[]) =>
    runCommand(["artifacts", ...args, "--server", server.url], { directory });
  return { runId: run.runId, artifacts };
}

test("files that a task left are listed and fetched, checked against their hash", async () => {
  const directory = mkdtempSync(join(tmpdir(), "millrace-artifacts-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const { runId, artifacts } = await serveRun(directory);

  const list = await artifacts("list", runId);
  expect(list.errors).toBe("");
  expect(list.output.split("\n").map((line) => line.split(/ {2,}/).slice(0, 4))).toMatchObject([
    ["TASK", "ATTEMPT", "NAME", "SIZE"],
    ["report", "1", "noise", "2.9 MiB"],
    ["report", "1", "out/table.csv", "8 B"],
    [""],
  ]);

  expect((await artifacts("get", runId, "out/table.csv")).output).toContain("table.csv (8 B)");
  expect(readFileSync(join(directory, "table.csv"), "utf8")).toBe("a,b\n1,2\n");
  const refused = await artifacts("get", runId, "out/table.csv");
  expect(refused.errors).toContain("is there already; name another file with --to, or add --force");
  expect(refused.exitCode).not.toBe(0);

  await artifacts("get", runId, "noise", "--task", "report", "--to", "mine");
  expect(readFileSync(join(directory, "mine")).equals(readFileSync(join(directory, "copy")))).toBe(true);
  expect((await artifacts("get", runId, "nothing")).errors).toContain("has no artifact");
});
