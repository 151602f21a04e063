import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { definitionLimits } from "../limits.ts";
import { readDefinitionDocuments } from "./definition-documents.ts";
import { instantiate } from "./instantiate.ts";
import { catalogOf, describe as problemText, rules } from "./template-harness.testsuite.ts";
import { includeSchema, templateHeaderSchema } from "./template-schema.ts";

const page = readFileSync(new URL("../../../docs/templates.md", import.meta.url), "utf8");

test("docs/templates.md lists the keys of `template`, and no others", () => {
  const [, section = ""] = page.split("## The template\n");
  const [table = ""] = section.split("\n## ");
  const keys = [...table.matchAll(/^\| `([a-z_]+)`/gm)].map((match) => match[1]);
  expect(new Set(keys)).toEqual(new Set(Object.keys(templateHeaderSchema.shape)));
});

test("docs/templates.md names each key of an `include`, and the limits", () => {
  for (const key of Object.keys(includeSchema.shape)) expect(page).toContain(`${key}: `);
  const { templateDepth, includes } = definitionLimits;
  expect(page).toContain(`At most ${templateDepth} templates`);
  expect(page).toContain(`${includes.toLocaleString("en")} be included`);
});

test("the example of docs/templates.md makes what it says", () => {
  const [etl = "", orders = "", nightly = ""] = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map((match) => match[1]);
  const catalog = catalogOf({ "etl.yaml": etl, "nightly.yaml": nightly });
  const { instance } = readDefinitionDocuments(orders, "orders.yaml");
  if (instance === null) throw new Error("there is no instance");
  const made = instantiate(instance, { ...rules, catalog, instanceName: "orders" });
  expect(made.problems.map(problemText)).toEqual([]);
  expect(made.definition).toMatchObject({ id: "etl_orders", tasks: [{ retry: { maxRetries: 2 } }] });
  const heir = { ...instance, template: { name: "nightly_etl", range: "*" } };
  const extended = instantiate(heir, { ...rules, catalog, instanceName: "orders" });
  expect(extended.problems.map(problemText)).toEqual([]);
  expect(extended.definition?.tasks.map(({ id }) => id)).toEqual(["extract", "load"]);
});
