import { writeFileSync } from "node:fs";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { expect, test } from "vitest";
import { OutcomeKind } from "#gen/millrace/v1/worker_session_service_pb.js";
import { hasVariable, listProcesses } from "#runner/process-table.ts";
import { bash } from "./fake-executor.testsuite.ts";
import { textOf, useWorkers } from "./worker-harness.testsuite.ts";

/*
 * Tasks as bad as they come, each beside a good one: the bad one ends by name, and when its end is reported nothing of
 * it lives; the good one does not notice.
 */
const harness = useWorkers();

interface BadTask {
  readonly command: string;
  readonly resources?: { readonly memoryBytes?: bigint; readonly diskBytes?: bigint };
  readonly timeoutMs?: number;
  readonly code: string | null;
  readonly message: RegExp;
}

const mebibyte = 1024n * 1024n;
const bad: Readonly<Record<string, BadTask>> = {
  "fills its disk quota": {
    command: "while :; do head -c 1000000 /dev/zero >> full; done",
    resources: { diskBytes: 4n * mebibyte },
    code: "disk_limit",
    message: /where 4 MiB are allowed/,
  },
  "takes more memory than it may": {
    command: "{ head -c 200000000 /dev/zero; sleep 100; } | tail > /dev/null",
    resources: { memoryBytes: 64n * mebibyte },
    code: "out_of_memory",
    message: /^out of memory: .* 64 MiB/,
  },
  "closes its output": { command: "exec 1>&- 2>&-; exit 3", code: "exit_code", message: /^exit code 3$/ },
  "writes binary": { command: "head -c 300000 /dev/urandom; exit 3", code: "exit_code", message: /^exit code 3$/ },
  "writes one line of 100 MB": {
    command: "head -c 100000000 /dev/zero | tr '\\0' x; exit 3",
    code: "exit_code",
    message: /^exit code 3$/,
  },
  "writes escapes and half characters": {
    command: "for i in $(seq 300); do printf '\\033[31m\\033]0;title\\007\\033[2J\\xf0\\x9f\\r\\n\\0'; done; exit 3",
    code: "exit_code",
    message: /^exit code 3$/,
  },
  "never ends": { command: "while :; do :; done", timeoutMs: 300, code: "timeout", message: /^timed out after 300ms$/ },
  "ignores TERM, also in its children": {
    command: "trap '' TERM; (trap '' TERM; while :; do sleep 1; done) & while :; do sleep 1; done",
    timeoutMs: 300,
    code: "timeout",
    message: /^timed out after 300ms$/,
  },
  "starts a daemon and ends": {
    command: "(setsid bash -c 'trap \"\" TERM HUP; while :; do sleep 1; done' > /dev/null 2>&1 &) ; exit 3",
    code: "exit_code",
    message: /^exit code 3$/,
  },
  "starts a daemon that holds its output": {
    command: "(setsid bash -c 'trap \"\" TERM HUP; while :; do sleep 1; done' &) ; exit 0",
    code: null,
    message: /^$/,
  },
};

test.each(Object.entries(bad))("a task that %s", async (_name, { command, resources, timeoutMs, code, message }) => {
  await harness.start({ slots: 2 });
  const session = await harness.executor.waitForSession(1);
  const mark = `${process.pid}-${Math.random()}`;
  const good = `touch ${harness.file("ready")}; while [ ! -e ${harness.file("go")} ]; do sleep 0.05; done; echo fine`;
  session.assign(...bash("good", good));
  await harness.waitForFile("ready");

  session.assign(
    ...bash("bad", command, {
      environment: { BAD_TASK: mark },
      gracePeriod: durationFromMs(200),
      // Less than is under way without an acknowledgement, which nobody gives here.
      logMaxBytes: 200_000n,
      ...(resources === undefined ? {} : { resources }),
      ...(timeoutMs === undefined ? {} : { timeout: durationFromMs(timeoutMs) }),
    }),
  );
  const outcome = await session.waitFor("outcome");
  const left = listProcesses().filter(({ pid, isZombie }) => !isZombie && hasVariable(pid, "BAD_TASK", mark));

  expect(outcome).toMatchObject({
    kind: code === null ? OutcomeKind.SUCCESS : OutcomeKind.FAILED,
    attempt: { taskId: "bad" },
    errorCode: code ?? "",
    errorMessage: expect.stringMatching(message),
  });
  expect(left).toEqual([]);
  session.acknowledge(outcome);
  // Its slot is free: the next one runs beside the good one.
  session.assign(...bash("next", "exit 0"));
  expect(await session.waitFor("outcome", 2)).toMatchObject({ kind: OutcomeKind.SUCCESS, attempt: { taskId: "next" } });
  writeFileSync(harness.file("go"), "");
  expect(await session.waitFor("outcome", 3)).toMatchObject({ kind: OutcomeKind.SUCCESS, attempt: { taskId: "good" } });
  expect(textOf(session.all("logChunk"))).toContain("fine");
});
