import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it, onTestFinished, vi } from "vitest";
import { runCli } from "./harness/run-cli.ts";
import { cleanEnvironment } from "#testing/cluster/child.ts";
import { findFreePort } from "#testing/free-port.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

it("npm start serves the examples, runs quickstart before the reader's eyes, and ends by Ctrl-C", async () => {
  const port = await findFreePort();
  const dataDir = await mkdtemp(join(tmpdir(), "millrace-start-"));
  await chmod(dataDir, 0o711);
  onTestFinished(() => rm(dataDir, { recursive: true, force: true }));
  const flags = ["--port", String(port), "--data-dir", dataDir];
  const start = spawn("npm", ["start", "--silent", "--", ...flags], {
    cwd: root,
    env: cleanEnvironment(),
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  const exited = once(start, "exit");
  // At a terminal Ctrl-C reaches the whole group, as it does here.
  const interrupt = (signal: NodeJS.Signals): boolean => process.kill(-(start.pid ?? 0), signal);
  onTestFinished(() => {
    if (start.exitCode === null && start.signalCode === null) interrupt("SIGKILL");
  });
  let output = "";
  start.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  start.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));

  const url = `http://127.0.0.1:${port}`;
  await vi.waitFor(() => expect(output).toContain(`Millrace serves ${url}`), { timeout: 60_000, interval: 50 });
  expect(output).toMatch(/greet \| Hello, world!/);
  expect(output).not.toContain('"level":"info"');
  expect(output).toMatch(/success quickstart quickstart__\S+ in [\d.]+ m?s: 4 success/);
  const page = await (await fetch(url)).text();
  for (const dag of ["quickstart", "failure", "retries"]) expect(page).toContain(`/dags/${dag}`);
  // These need a database and a server to ask: `npm start` gives them both.
  for (const dag of ["sqlite_shop", "http_check"]) {
    const { stdout, stderr, exitCode } = await runCli(["trigger", dag, "--follow", "--server", url]);
    expect({ exitCode, printed: stdout + stderr }).toMatchObject({
      exitCode: 0,
      printed: expect.stringContaining("report | "),
    });
  }

  interrupt("SIGINT");
  await exited;
  await expect
    .poll(
      () =>
        fetch(url).then(
          () => "answers",
          () => "gone",
        ),
      { timeout: 20_000 },
    )
    .toBe("gone");
});
