import { describe, expect, test } from "vitest";
import { createPackageManifest, type RootManifest } from "./package-manifest.ts";

const root: RootManifest = {
  name: "millrace",
  version: "1.2.3",
  private: true,
  exports: { ".": "./libs/engine/engine-exports.ts", "./client": "./libs/client/client-exports.ts" },
  imports: {
    "#core/*.ts": "./libs/core/*.ts",
    "#testing/*.ts": "./libs/testing/*.ts",
    "#gen/*.js": "./gen/*.js",
  },
  scripts: { start: "node scripts/start.ts" },
  dependencies: { yaml: "2.9.1" },
  devDependencies: { vitest: "5.1.1" },
};
const shipped = new Set(["./libs/core/", "./gen/"]);
const manifest = createPackageManifest(root, { folders: ["gen", "libs"], isShipped: (path) => shipped.has(path) });

describe("createPackageManifest", () => {
  test("keeps what users need and leaves out what only a checkout needs", () => {
    expect(manifest).toMatchObject({ name: "millrace", version: "1.2.3", dependencies: { yaml: "2.9.1" } });
    for (const field of ["private", "scripts", "devDependencies"]) expect(manifest).not.toHaveProperty(field);
    expect(manifest["files"]).toEqual(["gen", "libs"]);
  });

  test("gives each entry point its types, before its JavaScript", () => {
    expect(JSON.stringify(manifest["exports"])).toBe(
      JSON.stringify({
        ".": { types: "./libs/engine/engine-exports.d.ts", default: "./libs/engine/engine-exports.js" },
        "./client": { types: "./libs/client/client-exports.d.ts", default: "./libs/client/client-exports.js" },
        "./package.json": "./package.json",
      }),
    );
  });

  test("leads imports of shipped folders to JavaScript, under the names that the sources use", () => {
    expect(manifest["imports"]).toEqual({ "#core/*.ts": "./libs/core/*.js", "#gen/*.js": "./gen/*.js" });
  });
});
