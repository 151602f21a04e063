import { posix } from "node:path";
import { type ModuleFacts, readModuleFacts } from "./module-facts.ts";

/** One file of the checkout; everything in it is known from its path and its text. */
export interface SourceFile {
  /** From the root, with `/`. */
  readonly path: string;
  readonly text: string;
  /** The room it belongs to, like `libs/core`, `services/worker`, `cli` or `scripts`; empty at the root. */
  readonly folder: string;
  /** A `*.test.ts` or `*.testsuite.ts` file. */
  readonly isTest: boolean;
  /** Shipped to users: in libs (except libs/testing), services, cli, sdk or simulation, and no test. */
  readonly isProduct: boolean;
  /** Null unless the file is TypeScript or JavaScript; parsed on first use. */
  readonly module: ModuleFacts | null;
}

const SCRIPT_EXTENSION = /\.[cm]?[jt]sx?$/;
const TEST_NAME = /\.(?:test|testsuite)\.tsx?$/;
const GROUPING_FOLDERS = new Set(["libs", "services", "clients"]);
const PRODUCT_ROOTS = new Set(["libs", "services", "cli", "sdk", "simulation"]);

export function createSourceFile(path: string, text: string): SourceFile {
  const folder = folderOf(path);
  const isTest = TEST_NAME.test(path);
  let facts: ModuleFacts | null = null;
  return {
    path,
    text,
    folder,
    isTest,
    isProduct: PRODUCT_ROOTS.has(path.split("/")[0] ?? "") && folder !== "libs/testing" && !isTest,
    get module() {
      if (SCRIPT_EXTENSION.test(path)) facts ??= readModuleFacts(path, text);
      return facts;
    },
  };
}

/** The room that a path lies in: two levels below libs, services and clients, else one. */
export function folderOf(path: string): string {
  const parts = posix.dirname(path).split("/");
  if (parts[0] === "." || parts[0] === undefined) return "";
  return GROUPING_FOLDERS.has(parts[0]) ? parts.slice(0, 2).join("/") : parts[0];
}
