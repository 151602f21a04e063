import { describe, expect, test } from "vitest";
import { AppError } from "#errors/app-error.ts";
import { renderError } from "./error-lines.ts";
import { createPaint } from "./paint.ts";
import { renderGithubProblems, renderProblems } from "./problem-lines.ts";

const paint = createPaint(false);
const error = {
  file: "a.yaml",
  line: 3,
  column: 5,
  code: "UNKNOWN_KEY",
  message: "unknown key operater",
  hint: "did you mean operator?",
  warning: false,
};
const warning = { ...error, code: "UNDECLARED", message: "100% odd,\nreally", hint: "", warning: true };

describe("problems", () => {
  test("are lines of place, code, message and hint, warnings apart", () => {
    expect(renderProblems([warning, error], paint)).toEqual([
      "a.yaml:3:5 UNKNOWN_KEY unknown key operater (did you mean operator?)",
      "1 warning(s):",
      "a.yaml:3:5 UNDECLARED 100% odd,really",
    ]);
  });

  test("are annotations for GitHub, escaped as it wants", () => {
    expect(renderGithubProblems([error, { ...warning, file: "a,b:c.yaml" }])).toEqual([
      "::error file=a.yaml,line=3,col=5,title=UNKNOWN_KEY::unknown key operater (did you mean operator?)",
      "::warning file=a%2Cb%3Ac.yaml,line=3,col=5,title=UNDECLARED::100%25 odd,%0Areally",
    ]);
  });
});

describe("errors", () => {
  test("end with code and advice, and list their problems", () => {
    const thrown = new AppError("INVALID_DEFINITION", "the definition is wrong", { details: { problems: [error] } });
    expect(renderError(thrown, paint)).toEqual([
      "error: the definition is wrong",
      "  a.yaml:3:5 UNKNOWN_KEY unknown key operater (did you mean operator?)",
      "  INVALID_DEFINITION: Correct the listed problems; `millrace validate FILE` shows them.",
    ]);
  });

  test("of our own making show their cause, without control sequences", () => {
    const lines = renderError(AppError.from(new TypeError("\u001b[2Jx is undefined")), paint);
    expect(lines.join("\n")).toContain("TypeError: x is undefined");
    expect(lines.at(-1)).toContain("INTERNAL");
  });
});
