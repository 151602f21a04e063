import type { Problem } from "../model.ts";
import { createProblemList, type Finding, type Path, type ProblemList } from "../problem-list.ts";
import type { SourcePlaces } from "../yaml/source-places.ts";

/** One document of a file, as the place of findings. */
export interface Source {
  readonly file: string;
  readonly places: SourcePlaces;
  /** The offsets at which lines of the file begin. */
  readonly lineStarts: readonly number[];
  /** What findings within it begin with, such as `template etl 1.2.0`; empty for a document that is no template. */
  readonly label: string;
}

/** A place in a document: the value at the path, its key, or a character of its text. */
export interface FoundAt {
  readonly source: Source;
  readonly path: Path;
  readonly isKey?: boolean;
  readonly offset?: number;
}

/** Gathers what is wrong with an instance and the templates behind it, each finding in its own file. */
export interface SourceFindings {
  add(at: FoundAt, finding: Finding): void;
  readonly hasErrors: boolean;
  /** By file in the order of their first finding, within a file by place. */
  sorted(): readonly Problem[];
}

export function createSourceFindings(): SourceFindings {
  const lists = new Map<string, ProblemList>();
  return {
    add({ source, path, isKey = false, offset }, finding) {
      const list = lists.get(source.file) ?? createProblemList(source.file, source.lineStarts);
      lists.set(source.file, list);
      list.add(placeOf(source, path, isKey, offset), labeled(finding, source.label));
    },
    get hasErrors() {
      return [...lists.values()].some((list) => list.hasErrors);
    },
    sorted: () => [...lists.values()].flatMap((list) => list.sorted()),
  };
}

function placeOf({ places }: Source, path: Path, isKey: boolean, offset: number | undefined): { offset: number } {
  if (isKey) return places.key(path);
  return offset === undefined ? places.value(path) : places.within(path, offset);
}

function labeled(finding: Finding, label: string): Finding {
  return label === "" ? finding : { ...finding, message: `${label}: ${finding.message}` };
}
