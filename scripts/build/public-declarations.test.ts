import { describe, expect, test } from "vitest";
import { findPublicDeclarations } from "./public-declarations.ts";

const imports = { "#core/*.ts": "./libs/core/*.ts", "#gen/*.js": "./gen/*.js" };
const entries = ["./libs/engine/engine-exports.ts"];

function find(files: Readonly<Record<string, string>>): readonly string[] {
  return findPublicDeclarations({ entries, imports, read: (path) => files[path] ?? null });
}

describe("findPublicDeclarations", () => {
  test("follows imports, re-exports and import types through folders, also in circles", () => {
    const files = {
      "libs/engine/engine-exports.d.ts":
        'export { Engine } from "./engine.ts";\nexport type { A } from "#core/deep/a.ts";\n',
      "libs/engine/engine.d.ts":
        'import type { Dag } from "#gen/v1/dag_pb.js";\nexport declare class Engine { dag: Dag; }\n',
      "libs/core/deep/a.d.ts": 'export type A = import("../b.ts").B;\n',
      "libs/core/b.d.ts": 'import type { A } from "./deep/a.ts";\nexport type B = A[];\n',
      "libs/core/hidden.d.ts": "export type Hidden = 1;\n",
      "gen/v1/dag_pb.d.ts": 'import type { Message } from "@bufbuild/protobuf";\nexport type Dag = Message;\n',
    };
    expect(find(files)).toEqual(
      Object.keys(files)
        .filter((path) => !path.includes("hidden"))
        .toSorted(),
    );
  });

  test("names the file that refers to a missing one", () => {
    expect(() => find({})).toThrow("package.json refers to libs/engine/engine-exports.d.ts, which does not exist");
    const broken = { "libs/engine/engine-exports.d.ts": 'export type { A } from "#core/a.ts";\n' };
    expect(() => find(broken)).toThrow("libs/engine/engine-exports.d.ts refers to libs/core/a.d.ts");
  });

  test("names an import of a folder that package.json does not know", () => {
    const broken = { "libs/engine/engine-exports.d.ts": 'export type { A } from "#nowhere/a.ts";\n' };
    expect(() => find(broken)).toThrow("imports #nowhere/a.ts, which is not in package.json's imports");
  });
});
