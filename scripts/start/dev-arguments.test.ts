import { describe, expect, test } from "vitest";
import { planStart } from "./dev-arguments.ts";

describe("planStart", () => {
  test("serves the examples on port 8080 by default, and runs the first one", () => {
    expect(planStart([])).toEqual({
      devArguments: ["dev", "--dags", "examples", "--data-dir", ".millrace", "--port", "8080", "--no-open"],
      url: "http://127.0.0.1:8080",
      example: "quickstart",
    });
  });

  test.each([
    [["--port", "9000"], "http://127.0.0.1:9000"],
    [["--port=9000"], "http://127.0.0.1:9000"],
    [["--port", "9000", "--port", "9001"], "http://127.0.0.1:9001"],
    [["--host", "0.0.0.0"], "http://127.0.0.1:8080"],
    [["--host=::1"], "http://[::1]:8080"],
  ])("knows the address that %j asks for", (flags, url) => {
    expect(planStart(flags).url).toBe(url);
  });

  test("gives a flag of the caller once, at the end", () => {
    const expected = ["dev", "--dags", "examples", "--data-dir", ".millrace", "--no-open", "--port", "9000"];
    expect(planStart(["--port", "9000"]).devArguments).toEqual(expected);
  });

  test("runs no example when other definitions are served", () => {
    const plan = planStart(["--dags", "workflows"]);
    expect(plan.example).toBeNull();
    expect(plan.devArguments.filter((argument) => argument === "--dags")).toHaveLength(1);
  });
});
