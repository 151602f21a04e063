import { posix } from "node:path";
import { definitionReference } from "./definition-reference.ts";
import { operatorSections, strayOperatorPages } from "./field-tables.ts";
import { folderDrawing } from "./folder-drawing.ts";
import { fillSection, type GeneratedSection } from "./generated-section.ts";
import { guaranteeTable } from "./guarantee-table.ts";
import type { Repository } from "./repository.ts";
import type { Rule } from "./rule.ts";

/** Every part of a page that `npm run gen` writes. */
export function generatedSections(repository: Repository): readonly GeneratedSection[] {
  return [folderDrawing, guaranteeTable, definitionReference, ...operatorSections(repository)];
}

const MARKDOWN_LINK = /\]\(([^)\s#]+)(?:#[^)]*)?\)/g;
/** A file of ours in backticks, from the root; a place to be filled in, like NAME or *, is none. */
const QUOTED_PATH =
  /`((?:bench|bin|cli|docs|e2e|examples|libs|migrations|proto|scripts|sdk|services)\/[a-z0-9._/-]+\.[a-z]+)`/g;

const documentLinks: Rule = {
  name: "document-links",
  check: (repository) => {
    const known = new Set(repository.files.flatMap(({ path }) => [path, ...parentFolders(path)]));
    return repository.files
      .filter(({ path }) => path.endsWith(".md"))
      .flatMap(({ path, text }) =>
        text.split("\n").flatMap((line, index) =>
          namedPaths(path, line)
            .filter((target) => !known.has(target))
            .map((target) => ({ path, line: index + 1, message: `${target} does not exist` })),
        ),
      );
  },
};

const sectionsAreCurrent: Rule = {
  name: "generated-sections",
  check: (repository) =>
    generatedSections(repository).flatMap((section) => {
      const { path, name } = section;
      const page = repository.read(path);
      if (page === null)
        return isWanted(path) ? [{ path, line: null, message: `is missing: it tells of ${name}` }] : [];
      const filled = fillSection(page, section, repository);
      if (filled === page) return [];
      const message = filled === null ? `has no markers for "${name}"` : `"${name}" is old: run npm run gen`;
      return [{ path, line: null, message }];
    }),
};

const operatorPagesAreNeeded: Rule = {
  name: "operator-pages",
  check: (repository) =>
    strayOperatorPages(repository).map((path) => ({
      path,
      line: null,
      message: "tells of no kind of work that there is",
    })),
};

export const pageRules: readonly Rule[] = [documentLinks, sectionsAreCurrent, operatorPagesAreNeeded];

/** Each kind of work has a page. */
function isWanted(path: string): boolean {
  return path.startsWith("docs/operators/");
}

/** Files that a line of a page links to or quotes, from the root. */
function namedPaths(page: string, line: string): readonly string[] {
  const links = [...line.matchAll(MARKDOWN_LINK)].map(([, target = ""]) => target);
  const ours = links.filter((target) => !/^[a-z]+:/.test(target));
  const linked = ours.map((target) => posix.join(posix.dirname(page), target).replace(/\/$/, ""));
  return [...linked, ...[...line.matchAll(QUOTED_PATH)].map(([, target = ""]) => target)];
}

function parentFolders(path: string): readonly string[] {
  const parts = path.split("/").slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join("/"));
}
