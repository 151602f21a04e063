import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test, vi } from "vitest";
import { openTestEngine, type TestEngine } from "#testing/container-engine.ts";
import { openAttempt, useDataDir } from "../attempt-harness.testsuite.ts";
import type { ContainerTool } from "./enclosure.ts";
import { findContainerTool } from "./find-container-tool.ts";

const dataDir = useDataDir();
const engine = openTestEngine();
afterAll(() => engine?.dispose());

const bufferBytes = 32 * 1024 * 1024;
/** Keeps a buffer and uses a processor until it is stopped. */
const busy = `dd if=/dev/zero of=/dev/null bs=${bufferBytes}`;
const patience = { timeout: 30_000 };

async function findTool({ binDirectory, directory }: TestEngine): Promise<ContainerTool> {
  const found = await findContainerTool({ PATH: `${binDirectory}:${process.env["PATH"] ?? ""}`, HOME: directory });
  if ("reason" in found) throw new Error(found.reason);
  return found;
}

async function open(change: (tool: ContainerTool) => ContainerTool, command = busy) {
  if (engine === null) throw new Error("there is no engine");
  const tool = change(await findTool(engine));
  const places = { gpus: 0, mounts: [], dagDirectory: "", dataDirectory: "", pull: "never" } as const;
  const enclosure = { kind: "container", network: "none", image: engine.image, tool, ...places } as const;
  const opened = openAttempt({ enclosure });
  opened.start(command, { file: "sh", environment: {} });
  return opened;
}

/** An engine that answers some questions otherwise. */
function answering(tool: ContainerTool, otherwise: string): ContainerTool {
  const path = join(dataDir(), "other-podman");
  writeFileSync(path, `#!/bin/sh\ncase "$*" in ${otherwise} esac\nexec ${tool.path} "$@"\n`);
  chmodSync(path, 0o755);
  return { ...tool, path };
}

const mute = (tool: ContainerTool): ContainerTool => answering(tool, "*stats*) exit 1;;");
/** Its containers are elsewhere: what it says of their processes is not true here. */
const remote = (tool: ContainerTool): ContainerTool => answering(tool, '*inspect*) echo "00ff $$"; exit;;');

describe.skipIf(engine === null)("the gauge of a container", { timeout: 60_000 }, () => {
  test.each([
    ["the kernel counts", mute],
    ["its engine says where the kernel's counts are not here", remote],
  ])("knows what %s while it runs and after its end", async (_, change) => {
    const { attempt, end, closed } = await open(change);
    await vi.waitFor(() => {
      const { memoryBytes = 0, cpuMs = 0, processes = 0 } = attempt.usageNow ?? {};
      expect(memoryBytes).toBeGreaterThanOrEqual(bufferBytes);
      expect(memoryBytes).toBeLessThan(4 * bufferBytes);
      expect(cpuMs).toBeGreaterThan(0);
      expect(processes).toBeGreaterThan(0);
    }, patience);
    attempt.stop(0);
    await vi.waitFor(() => end(), patience);
    expect(attempt.usageNow).toBeNull();
    await attempt.close();
    const usage = closed()?.usage;
    expect(usage?.cpuMs).toBeGreaterThan(0);
    expect(usage?.memoryPeakBytes).toBeGreaterThanOrEqual(bufferBytes);
  });

  test("knows nothing of a container that has ended before anybody looked", async () => {
    const { attempt, end, closed } = await open((tool) => tool, "true");
    await vi.waitFor(() => end(), patience);
    await attempt.close();
    expect(closed()?.usage).toEqual({ cpuMs: null, memoryPeakBytes: null });
  });
});
