import { describe, expect, test } from "vitest";
import { Engine } from "./engine.ts";

const noop = (): void => undefined;

const engine = new Engine()
  .register({ id: "load", handler: noop })
  .register({ id: 'say "hi"', dependsOn: ["load"], when: () => true, handler: noop })
  .register({ id: "repair", dependsOn: [{ task: "load", on: "failure" }], triggerRule: "one_success", handler: noop })
  .register({ id: "broken", dependsOn: ["missing"], handler: noop });

describe("toDot", () => {
  test("draws tasks, rules and conditions, also of a graph that can't be built", () => {
    expect(engine.toDot()).toBe(
      [
        "digraph {",
        "  rankdir=LR;",
        "  node [shape=box];",
        '  "load";',
        String.raw`  "say \"hi\"" [label="say \"hi\"\nwhen"];`,
        String.raw`  "repair" [label="repair\none_success"];`,
        '  "broken";',
        String.raw`  "load" -> "say \"hi\"";`,
        '  "load" -> "repair" [label="failure", style=dashed];',
        '  "missing" -> "broken";',
        "}",
        "",
      ].join("\n"),
    );
  });
});

describe("toMermaid", () => {
  test("draws the same, with ids that can't break the text", () => {
    expect(engine.toMermaid()).toBe(
      [
        "flowchart LR",
        '  t0["load"]',
        '  t1["say #34;hi#34;<br>when"]',
        '  t2["repair<br>one_success"]',
        '  t3["broken"]',
        "  t0 --> t1",
        "  t0 -. failure .-> t2",
        '  t4["missing"]',
        "  t4 --> t3",
        "",
      ].join("\n"),
    );
  });
});
