import { join, resolve } from "node:path";
import { buildPackage } from "./build/build-package.ts";
import { ROOT } from "./process/run-command.ts";

// Makes the package that people install: in .build/package, or in the folder that is given.
const folder = resolve(process.argv[2] ?? join(ROOT, ".build/package"));
try {
  const { fileCount, byteCount } = await buildPackage(folder);
  process.stdout.write(
    `${folder}: ${fileCount} files, ${Math.ceil(byteCount / 1024)} KiB; npm pack makes a tarball of it\n`,
  );
} catch (error) {
  process.stderr.write(`build: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
