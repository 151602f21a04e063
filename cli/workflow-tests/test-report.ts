import type { Paint } from "../rendering/paint.ts";
import { renderProblems } from "../rendering/problem-lines.ts";
import { harmlessLine } from "../rendering/terminal-text.ts";
import type { FileOutcome, TestOutcome } from "./run-tests.ts";

interface TestCounts {
  readonly passed: number;
  readonly failed: number;
  /** Files of which no test could run. */
  readonly broken: number;
}

export function countTests(files: readonly FileOutcome[]): TestCounts {
  const tests = files.flatMap((file) => file.tests);
  const failed = tests.filter(hasFailed).length;
  return { passed: tests.length - failed, failed, broken: files.filter(isBroken).length };
}

/** For people: each test with its mark, below it what did not come true, and the sum. */
export function renderTestReport(files: readonly FileOutcome[], paint: Paint): readonly string[] {
  const lines = files.flatMap((file) => {
    if (isBroken(file))
      return [paint("red", `✗ ${harmlessLine(file.file)}`), ...renderProblems(file.problems, paint).map(indented)];
    return [harmlessLine(file.file), ...file.tests.flatMap((test) => renderTest(test, file.file, paint))];
  });
  const { passed, failed, broken } = countTests(files);
  const sum = [
    `${passed} passed`,
    failed === 0 ? "" : paint("red", `${failed} failed`),
    broken === 0 ? "" : paint("red", `${broken} file(s) can't be used`),
  ];
  return [...lines, sum.filter((part) => part !== "").join(", ")];
}

function renderTest(test: TestOutcome, file: string, paint: Paint): string[] {
  const name = harmlessLine(test.name);
  if (!hasFailed(test)) return [`  ${paint("green", "✓")} ${name}`];
  const failures = test.failures.map(({ line, column, message }) => {
    return `      ${paint("gray", `${harmlessLine(file)}:${line}:${column}`)} ${harmlessLine(message)}`;
  });
  return [`  ${paint("red", "✗")} ${name}`, ...failures];
}

/** For programs. */
export function testReportJson(files: readonly FileOutcome[]): unknown {
  return {
    ...countTests(files),
    files: files.map(({ file, workflow, problems, tests }) => ({
      file,
      workflow,
      problems,
      tests: tests.map((test) => ({ ...test, passed: !hasFailed(test) })),
    })),
  };
}

/** For CI systems that read the reports of JUnit. */
export function renderJunit(files: readonly FileOutcome[]): readonly string[] {
  const { passed, failed, broken } = countTests(files);
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="millrace" tests="${passed + failed + broken}" failures="${failed}" errors="${broken}">`,
    ...files.flatMap(renderSuite),
    "</testsuites>",
  ];
}

function renderSuite(file: FileOutcome): string[] {
  const errors = isBroken(file) ? 1 : 0;
  const failures = file.tests.filter(hasFailed).length;
  const name = escapeXml(file.file);
  const cases = file.tests.map((test) => {
    const start = `    <testcase name="${escapeXml(test.name)}" classname="${name}" file="${name}" line="${test.line}"`;
    if (!hasFailed(test)) return `${start}/>`;
    const text = test.failures
      .map(({ line, column, message }) => `${file.file}:${line}:${column} ${message}`)
      .join("\n");
    return `${start}><failure message="${escapeXml(test.failures[0]?.message ?? "")}">${escapeXml(text)}</failure></testcase>`;
  });
  const problems = file.problems.map((each) => `${each.file}:${each.line}:${each.column} ${each.code} ${each.message}`);
  const broken = `    <testcase name="${name}" classname="${name}"><error message="${escapeXml(problems[0] ?? "")}">${escapeXml(problems.join("\n"))}</error></testcase>`;
  return [
    `  <testsuite name="${name}" tests="${file.tests.length + errors}" failures="${failures}" errors="${errors}">`,
    ...(errors === 0 ? cases : [broken]),
    "  </testsuite>",
  ];
}

function isBroken(file: FileOutcome): boolean {
  return file.problems.length > 0;
}

function hasFailed(test: TestOutcome): boolean {
  return test.failures.length > 0;
}

function indented(line: string): string {
  return `    ${line}`;
}

/** Also without the control characters that XML can't hold. */
function escapeXml(text: string): string {
  return text
    .replaceAll(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, "\uFFFD")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("\n", "&#10;");
}
