import { describe, expect, test } from "vitest";
import { planStart } from "./dev-arguments.ts";

describe("planStart", () => {
  test("serves the examples on port 8080 by default, and runs the first one", () => {
    expect(planStart([], "/checkout")).toEqual({
      devArguments: ["dev", "--dags", "examples", "--data-dir", ".millrace", "--port", "8080", "--no-open"],
      url: "http://127.0.0.1:8080",
      environment: {
        MILLRACE_LOGGING_LEVEL: "warn",
        MILLRACE_CONN_EXAMPLE_SERVER: "http://127.0.0.1:8080",
        MILLRACE_CONN_EXAMPLE_SHOP: "sqlite:///checkout/.millrace/example-shop.db",
        MILLRACE_OUTBOUND_ALLOW: "127.0.0.1:8080",
      },
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
    expect(planStart(flags, "/checkout").url).toBe(url);
  });

  test("gives a flag of the caller once, at the end", () => {
    const expected = ["dev", "--dags", "examples", "--data-dir", ".millrace", "--no-open", "--port", "9000"];
    expect(planStart(["--port", "9000"], "/checkout").devArguments).toEqual(expected);
  });

  test("runs no example when other definitions are served", () => {
    const plan = planStart(["--dags", "workflows"], "/checkout");
    expect(plan.example).toBeNull();
    expect(plan.environment).toEqual({ MILLRACE_LOGGING_LEVEL: "warn" });
    expect(plan.devArguments.filter((argument) => argument === "--dags")).toHaveLength(1);
  });
});
