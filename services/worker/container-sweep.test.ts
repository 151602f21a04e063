import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { ContainerTool } from "#runner/enclosure/enclosure.ts";
import { noEnclosures } from "#runner/enclosure/host-enclosures.ts";
import { useWorkers } from "./worker-harness.testsuite.ts";

const workers = useWorkers();

test("a worker that starts removes containers of its id that have no folder any more, before it is welcomed", async () => {
  const path = workers.file("engine");
  const calls = workers.file("calls");
  // At the edge of this host: an engine that has one container until it is told to remove it.
  const script = `#!/bin/sh
echo "$*" >> ${calls}
case $1 in ps) grep -q "^rm" ${calls} || echo c1 ;; esac
`;
  writeFileSync(path, script);
  chmodSync(path, 0o755);
  const container: ContainerTool = { kind: "docker", path, hasInit: true, environment: {}, user: { uid: 0, gid: 0 } };
  await workers.start({ workerId: "w1", findEnclosures: async () => ({ ...noEnclosures, container }) });
  const [look, removal] = readFileSync(calls, "utf8").split("\n");
  expect(look).toMatch(
    /^ps --all --quiet --filter label=millrace\.worker=w1 --filter label=millrace\.home=[0-9a-f]{16}$/,
  );
  expect(removal).toBe("rm --force --volumes c1");
});
