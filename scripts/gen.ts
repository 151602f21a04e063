import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { writeGeneratedCode } from "./check/generated-code.ts";
import { ROOT } from "./process/run-command.ts";
import { fillSection } from "./tidy/generated-section.ts";
import { generatedSections } from "./tidy/page-rules.ts";
import { readRepository } from "./tidy/repository.ts";

// Writes everything that follows from a source elsewhere: code from proto/, sections of pages from the code.
const { code, output } = await writeGeneratedCode();
process.stdout.write(output);
const repository = readRepository(ROOT);
for (const section of generatedSections) {
  const filled = fillSection(repository.read(section.path) ?? "", section, repository);
  if (filled === null) throw new Error(`${section.path} has no markers for "${section.name}"`);
  writeFileSync(join(ROOT, section.path), filled);
}
process.exitCode = code;
