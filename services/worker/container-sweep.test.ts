import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { ContainerTool } from "#runner/enclosure/enclosure.ts";
import { noEnclosures } from "#runner/enclosure/host-enclosures.ts";
import { useWorkers } from "./worker-harness.testsuite.ts";

const workers = useWorkers();

/** At the edge of this host: an engine's program, whose calls are a line each in `calls`. */
function engine(answer: string): ContainerTool {
  const path = workers.file("engine");
  writeFileSync(path, `#!/bin/sh\necho "$*" >> ${workers.file("calls")}\n${answer}\n`);
  chmodSync(path, 0o755);
  return { kind: "docker", path, hasInit: true, environment: {}, user: { uid: 0, gid: 0 } };
}

/** Starts the worker again on what its first start has left; answers what that tells of earlier incarnations. */
async function restart(container: ContainerTool): Promise<string> {
  const first = await workers.start({ workerId: "w1" });
  await first.stop();
  await workers.start({ workerId: "w1", findEnclosures: async () => ({ ...noEnclosures, container }) });
  return workers.executor.sessions.at(-1)?.hello.previousIncarnation ?? "no hello";
}

test("a worker that starts removes containers of its id that have no folder any more, before it is welcomed", async () => {
  // It has one container until it is told to remove it.
  const container = engine(`case $1 in ps) grep -q "^rm" ${workers.file("calls")} || echo c1 ;; esac`);
  expect(await restart(container)).toMatch(/\.\d+$/);
  const [look, removal] = readFileSync(workers.file("calls"), "utf8").split("\n");
  expect(look).toMatch(
    /^ps --all --quiet --filter label=millrace\.worker=w1 --filter label=millrace\.home=[0-9a-f]{16}$/,
  );
  expect(removal).toBe("rm --force --volumes c1");
});

test("a worker whose engine keeps such a container calls no earlier incarnation dead (G4)", async () => {
  expect(await restart(engine("case $1 in ps) echo c1 ;; esac"))).toBe("");
});
