import semver from "semver";
import { closestName } from "#core/closest-name.ts";
import { type Finding, proposal } from "../problem-list.ts";
import type { TemplateDocument } from "./definition-documents.ts";
import type { TemplateReference } from "./template-reference.ts";

/** A template that is known but can't be used, since its file has errors. */
export interface BrokenTemplate {
  readonly name: string;
  readonly version: string;
  readonly file: string;
}

/** Every template that instances may name. */
export interface TemplateCatalog {
  readonly templates: readonly TemplateDocument[];
  readonly broken: readonly BrokenTemplate[];
}

export const emptyCatalog: TemplateCatalog = { templates: [], broken: [] };

/** Who asks for which versions of a template. */
interface Wish {
  readonly range: string;
  readonly by: string;
}

/**
 * Chooses versions for one instance: the highest that a range admits, and of each template one version everywhere. What
 * is pinned is chosen whenever it fits.
 */
export class TemplateSelection {
  readonly #catalog: TemplateCatalog;
  readonly #pins: ReadonlyMap<string, string>;
  readonly #wishes = new Map<string, Wish[]>();
  readonly #chosen = new Map<string, TemplateDocument>();

  constructor(catalog: TemplateCatalog, pins: ReadonlyMap<string, string>) {
    this.#catalog = catalog;
    this.#pins = pins;
  }

  /** The template, or what is wrong with the wish. */
  choose({ name, range }: TemplateReference, by: string): TemplateDocument | Finding {
    const candidates = this.#catalog.templates.filter((template) => template.name === name);
    const broken = this.#catalog.broken.filter((template) => template.name === name);
    const versions = [...candidates, ...broken].map(({ version }) => version);
    if (versions.length === 0) return unknownTemplate(name, this.#catalog);
    this.#wishes.set(name, [...(this.#wishes.get(name) ?? []), { range, by }]);
    const pinned = this.#pins.get(name);
    const version = pinned !== undefined && semver.satisfies(pinned, range) ? pinned : highest(versions, range);
    if (version === null) return noVersion({ name, range }, versions);
    const chosen = candidates.find((template) => template.version === version);
    if (chosen === undefined) return isBroken({ name, version }, broken);
    this.#chosen.set(`${name}@${version}`, chosen);
    return chosen;
  }

  /** Templates that were chosen, by name. */
  get used(): readonly TemplateDocument[] {
    return [...this.#chosen.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }

  /**
   * A template of which several versions were chosen, with the one that fits every wish, or what to say when there is
   * none. Null: there is no such template.
   */
  get conflict(): { readonly name: string; readonly version: string } | Finding | null {
    const names = this.used.map(({ name }) => name);
    const name = names.find((each, place) => names.indexOf(each) !== place);
    if (name === undefined) return null;
    const wishes = this.#wishes.get(name) ?? [];
    const versions = this.#catalog.templates.filter((template) => template.name === name).map(({ version }) => version);
    const fitting = versions.filter((version) => wishes.every(({ range }) => semver.satisfies(version, range)));
    const version = highest(fitting, "*");
    if (version !== null && version !== this.#pins.get(name)) return { name, version };
    const list = wishes.map(({ range, by }) => `as ${range} by ${by}`).join(" and ");
    return {
      code: "TEMPLATE_CONFLICT",
      message: `the template \`${name}\` is wanted ${list}, and no version fits all; there are ${versionList(versions)}`,
      hint: "widen one of the ranges",
    };
  }
}

/** Versions before a release only count where the range names one, or nothing else is there. */
function highest(versions: readonly string[], range: string): string | null {
  const found = semver.maxSatisfying([...versions], range);
  return found ?? (range === "*" ? semver.maxSatisfying([...versions], range, { includePrerelease: true }) : null);
}

function unknownTemplate(name: string, { templates, broken }: TemplateCatalog): Finding {
  const names = new Set([...templates, ...broken].map((template) => template.name));
  const near = closestName(name, names);
  const list = names.size === 0 ? "there are none" : `there are ${[...names].toSorted().join(", ")}`;
  const hint = near === null ? list : proposal(near);
  return { code: "UNKNOWN_TEMPLATE", message: `there is no template \`${name}\``, hint };
}

function noVersion({ name, range }: TemplateReference, versions: readonly string[]): Finding {
  const message = `no version of the template \`${name}\` fits ${range}`;
  return { code: "UNKNOWN_TEMPLATE", message, hint: `there are ${versionList(versions)}` };
}

function isBroken({ name, version }: { name: string; version: string }, broken: readonly BrokenTemplate[]): Finding {
  const file = broken.find((template) => template.version === version)?.file ?? "";
  const message = `the template \`${name}\` ${version} has errors, so that nothing can be made from it`;
  return { code: "BROKEN_TEMPLATE", message, hint: `correct ${file}` };
}

function versionList(versions: readonly string[]): string {
  return [...new Set(versions)].toSorted(semver.rcompare).join(", ");
}
