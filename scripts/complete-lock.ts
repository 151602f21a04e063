import { readFileSync, writeFileSync } from "node:fs";
import { completeLockFile, type LockFile } from "./lock/complete-lock-file.ts";

// Run this after each change of dependencies; `npm run check` says when it was forgotten.
const path = new URL("../package-lock.json", import.meta.url);
const lock = JSON.parse(readFileSync(path, "utf8")) as LockFile;
const added = completeLockFile(lock);
if (added.length > 0) writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
process.stdout.write(`package-lock.json: ${added.length} entries added\n`);
