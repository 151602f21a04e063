import { expect, test } from "vitest";
import { type AttemptEnd, noOutputFile, toReport } from "./attempt-report.ts";

const end: AttemptEnd = {
  result: { kind: "success", exitCode: 0 },
  stopped: null,
  timeoutMs: 90_000,
  durationMs: 12,
  file: noOutputFile,
  lastStdoutLine: null,
};
const file = { outputs: [{ key: "a", json: "1" }], problem: null };

test("of one key the operator's word counts over the file's, and that over a captured line", () => {
  const report = toReport({
    ...end,
    result: { kind: "success", outputs: { both: "operator" } },
    file: {
      outputs: [
        { key: "return_value", json: '"file"' },
        { key: "both", json: '"file"' },
      ],
      problem: null,
    },
    lastStdoutLine: "line",
  });

  expect(report).toMatchObject({ kind: "success", durationMs: 12 });
  expect(Object.fromEntries(report.outputs.map(({ key, json }) => [key, json]))).toEqual({
    return_value: '"file"',
    both: '"operator"',
  });
});

test("outputs that can't be used make a success a failure, and change no failure", () => {
  const problem = { outputs: [], problem: "outputs: broken" };

  expect(toReport({ ...end, file: problem })).toMatchObject({
    kind: "failed",
    code: "invalid_output",
    message: "outputs: broken",
  });
  expect(toReport({ ...end, lastStdoutLine: "x".repeat(1024 * 1024) })).toMatchObject({ code: "invalid_output" });
  expect(
    toReport({ ...end, result: { kind: "failed", code: "exit_code", message: "m", exitCode: 2 }, file: problem }),
  ).toMatchObject({ code: "exit_code" });
});

test("the limits count over all sources together", () => {
  const outputs = Array.from({ length: 256 }, (_, index) => ({ key: `k${index}`, json: "1" }));

  expect(toReport({ ...end, file: { outputs, problem: null } })).toMatchObject({ kind: "success" });
  expect(toReport({ ...end, file: { outputs, problem: null }, lastStdoutLine: "x" })).toMatchObject({
    code: "invalid_output",
  });
});

test("a failed attempt reports the outputs that it wrote, for who asks to keep them", () => {
  const result = { kind: "failed", code: "exit_code", message: "m", exitCode: 2 } as const;

  expect(toReport({ ...end, result, file })).toMatchObject({ kind: "failed", exitCode: 2, outputs: file.outputs });
});

test.each([
  ["timeout", "timeout", "timed out after 1m30s"],
  ["drain", "interrupted", "drained"],
  ["lease_lost", "worker_lost", "lease"],
  ["cancel", "killed", "outside"],
] as const)("a stop by %s is reported as %s, whatever the process made of it", (reason, code, text) => {
  const success = toReport({ ...end, stopped: { reason } });
  const failure = toReport({
    ...end,
    stopped: { reason },
    result: { kind: "failed", code: "signal", message: "m", signal: "SIGTERM" },
  });

  expect(success).toMatchObject({ kind: "failed", code, message: expect.stringContaining(text) });
  expect(failure).toMatchObject({ kind: "failed", code, signal: "SIGTERM" });
});

test("an operator that throws has failed, and texts are cut and cleaned as a database takes them", () => {
  const report = toReport({ ...end, result: { kind: "thrown", error: new Error(`\0\ud800${"x".repeat(5000)}`) } });

  expect(report).toMatchObject({ kind: "failed", code: "failed" });
  const message = report.kind === "failed" ? report.message : "";
  expect(message.length).toBeLessThanOrEqual(4001);
  expect(message).toMatch(/^the operator failed: ␀\u{FFFD}x+…$/u);
});
