import { existsSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { OutcomeKind } from "#gen/millrace/v1/worker_session_service_pb.js";
import { findTestEnclosures } from "#runner/enclosure/host-enclosures.testsuite.ts";
import { bash } from "./fake-executor.testsuite.ts";
import { textOf, useWorkers } from "./worker-harness.testsuite.ts";

const harness = useWorkers();
const host = await findTestEnclosures();
const strict = { network: "none", filesystem: "confined" } as const;

describe.skipIf(host.process === null)("a worker whose host can enclose", () => {
  test("says so, and runs an attempt that reaches no network, sees little and leaves its outputs", async () => {
    writeFileSync(harness.file("of-the-host"), "");
    await harness.start({ findEnclosures: () => Promise.resolve(host) });
    const session = await harness.executor.waitForSession(1);
    const command = [
      `test -e ${harness.file("of-the-host")} && echo "sees the host" || echo "sees little"`,
      "echo interfaces $(tail -n +3 /proc/net/dev | cut -d: -f1)",
      'echo "n=5" >> "$MILLRACE_OUTPUT"',
    ].join("\n");

    session.assign(...bash("strict", command, strict));
    const outcome = await session.waitFor("outcome");

    expect(session.hello.hostCapabilities).toEqual(expect.arrayContaining(["network:none", "filesystem:confined"]));
    expect(outcome).toMatchObject({
      kind: OutcomeKind.SUCCESS,
      attempt: { taskId: "strict" },
      outputs: [{ key: "n", json: '"5"' }],
    });
    expect(textOf(session.all("logChunk")).flatMap((text) => text.split("\n"))).toEqual([
      "sees little",
      "interfaces lo",
    ]);
  });
});

describe("a worker whose host can't enclose", () => {
  test("says so, and refuses an attempt that asks for it before anything of it runs", async () => {
    await harness.start();
    const session = await harness.executor.waitForSession(1);

    session.assign(...bash("strict", `touch ${harness.file("ran")}`, strict));
    const outcome = await session.waitFor("outcome");

    expect(session.hello.hostCapabilities).toEqual([]);
    expect(outcome).toMatchObject({
      kind: OutcomeKind.FAILED,
      errorCode: "not_enclosed",
      errorMessage: "this worker can't enclose the attempt as network:none: it was not looked for",
      retryable: false,
    });
    expect(existsSync(harness.file("ran"))).toBe(false);
  });
});
