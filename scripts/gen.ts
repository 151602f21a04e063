import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { writeGeneratedCode } from "./check/generated-code.ts";
import { ROOT, runCommand } from "./process/run-command.ts";
import { fillSection, newPage } from "./tidy/generated-section.ts";
import { generatedSections } from "./tidy/page-rules.ts";
import { readRepository } from "./tidy/repository.ts";

// Writes everything that follows from a source elsewhere: code from proto/, the schema for editors and sections of pages
// from the code.
const { code, output } = await writeGeneratedCode();
process.stdout.write(output);
const schema = await runCommand("node", ["bin/millrace.js", "schema"]);
if (schema.code !== 0) throw new Error(schema.output);
const schemaFile = join(ROOT, "gen/schemas/dag.json");
mkdirSync(dirname(schemaFile), { recursive: true });
writeFileSync(schemaFile, schema.output);
const repository = readRepository(ROOT);
for (const section of generatedSections(repository)) {
  const file = join(ROOT, section.path);
  // Read anew: a page may have several sections.
  const filled = fillSection(existsSync(file) ? readFileSync(file, "utf8") : newPage(section), section, repository);
  if (filled === null) throw new Error(`${section.path} has no markers for "${section.name}"`);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, filled);
}
process.exitCode = code;
