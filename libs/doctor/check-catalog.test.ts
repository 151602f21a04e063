import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { checkCatalog } from "./check-catalog.ts";

const page = readFileSync(new URL("../../docs/operations/doctor.md", import.meta.url), "utf8");

test("docs/operations/doctor.md has every check of the state, and no other", () => {
  const documented = page.split("\n").filter((line) => /^\| `[a-z_]+` \| (problem|warning|info) \|/.test(line));
  expect(documented).toEqual(
    Object.entries(checkCatalog).map(([name, { severity, guarantee, looksFor, repair, byHand }]) => {
      const cells = [`\`${name}\``, severity, guarantee ?? "", looksFor, repair ?? "none: by hand", byHand];
      return `| ${cells.join(" | ")} |`;
    }),
  );
});
