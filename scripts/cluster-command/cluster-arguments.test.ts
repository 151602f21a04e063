import { describe, expect, it } from "vitest";
import { clusterHelp, parseClusterArguments } from "./cluster-arguments.ts";

const parse = (line: string) =>
  parseClusterArguments(line === "" ? [] : line.split(" "), { root: "/checkout", directory: "/here" });

describe("the arguments of scripts/cluster", () => {
  it("are none: a cluster of the examples with a broker, its data in the checkout", () => {
    expect(parse("")).toEqual({
      command: "up",
      plan: {
        ...{ parsers: 1, schedulers: 1, executors: 2, workers: 2, gateways: 1, brokers: 1 },
        ...{ dags: "/checkout/examples", servesExamples: true, port: 8080, folder: "/checkout/.millrace/cluster" },
      },
    });
    expect(parse("up")).toEqual(parse(""));
  });

  it("count services and brokers, and name folders from where they are given", () => {
    expect(parse("up --workers 5 --executors=3 --brokers 0 --dags dags --port 9000 --data /data")).toMatchObject({
      plan: {
        workers: 5,
        executors: 3,
        brokers: 0,
        dags: "/here/dags",
        servesExamples: false,
        port: 9000,
        folder: "/data",
      },
    });
    expect(parse("status --data data")).toEqual({ command: "status", folder: "/here/data" });
    expect(parse("down")).toEqual({ command: "down", folder: "/checkout/.millrace/cluster" });
  });

  it.each([
    ["--wrkers 2", "Unknown option '--wrkers'"],
    ["up --workers 0", "--workers is a number from 1 to 50, found 0"],
    ["up --workers 2.5", "--workers is a number from 1 to 50, found 2.5"],
    ["--brokers 2", "--brokers is 0, 1 or 3, found 2"],
    ["--port 0", "--port is a number from 1 to 65535, found 0"],
    ["up now", "there is nothing to do with now"],
    ["start", "there is no command start: up, status or down"],
    ["status --workers 3", "status takes --data alone"],
  ])("are refused: %s", (line, message) => {
    expect(parse(line)).toEqual({ command: "wrong", message });
  });

  it("are all in the help", () => {
    for (const line of ["--help", "-h", "help", "up --help"]) expect(parse(line)).toEqual({ command: "help" });
    const flags = ["executors", "workers", "parsers", "schedulers", "gateways", "brokers", "dags", "port", "data"];
    for (const flag of flags) expect(clusterHelp).toContain(`  --${flag} `);
  });
});
