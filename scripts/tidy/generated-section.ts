import type { Repository } from "./repository.ts";

/** A part of a page that follows from the code; it stands between two markers with its name. */
export interface GeneratedSection {
  readonly path: string;
  readonly name: string;
  /** Lines between the markers. */
  readonly render: (repository: Repository) => readonly string[];
}

/** Writes the section into its page. Returns null when the page has no markers for it. */
export function fillSection(page: string, section: GeneratedSection, repository: Repository): string | null {
  const [begin, end] = sectionMarkers(section);
  const start = page.indexOf(begin);
  const stop = page.indexOf(end);
  if (start === -1 || stop < start) return null;
  const lines = ["", "", ...section.render(repository), "", ""];
  return page.slice(0, start + begin.length) + lines.join("\n") + page.slice(stop);
}

/** A page that has nothing but the section yet: a heading, an introduction and an example are to be written by hand. */
export function newPage(section: Pick<GeneratedSection, "path" | "name">): string {
  const title = section.path.replace(/^.*\/|\.md$/g, "");
  return `${[`# ${title}`, "", ...sectionMarkers(section)].join("\n")}\n`;
}

/** The comments before and after a section. */
export function sectionMarkers({ name }: Pick<GeneratedSection, "name">): readonly [begin: string, end: string] {
  return [`<!-- ${name}: begin, written by npm run gen -->`, `<!-- ${name}: end -->`];
}
