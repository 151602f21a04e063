import type { GeneratedSection } from "./generated-section.ts";

type References = ReadonlyMap<string, readonly string[]>;

/** The dependency rule as a drawing and a table, from the references of the tsconfig.json files. */
export const folderDrawing: GeneratedSection = {
  path: "docs/architecture.md",
  name: "folders",
  render: ({ references }) => [...drawGraph(references), "", ...drawTable(references)],
};

/** A mermaid flowchart with only the arrows that no longer way already implies, so that it stays readable. */
function drawGraph(references: References): readonly string[] {
  const folders = [...references.keys()].sort();
  const nodes = folders.map((folder) => `  ${nodeId(folder)}["${folder}"]`);
  const arrows = folders.flatMap((folder) => {
    const targets = references.get(folder) ?? [];
    const implied = new Set(targets.flatMap((target) => [...reachable(references, target)]));
    const direct = targets.filter((target) => !implied.has(target)).sort();
    return direct.map((target) => `  ${nodeId(folder)} --> ${nodeId(target)}`);
  });
  return ["```mermaid", "flowchart TD", ...nodes, ...arrows, "```"];
}

function drawTable(references: References): readonly string[] {
  const rows = [...references.keys()].sort().map((folder) => {
    const targets = [...(references.get(folder) ?? [])].sort().map((target) => `\`${target}\``);
    return `| \`${folder}\` | ${targets.join(" ") || "nothing"} |`;
  });
  return ["| folder | may import |", "|---|---|", ...rows];
}

/** Everything below a folder, itself left out. */
function reachable(references: References, from: string): ReadonlySet<string> {
  const seen = new Set<string>();
  const open = [...(references.get(from) ?? [])];
  for (let folder = open.pop(); folder !== undefined; folder = open.pop()) {
    if (seen.has(folder)) continue;
    seen.add(folder);
    open.push(...(references.get(folder) ?? []));
  }
  return seen;
}

function nodeId(folder: string): string {
  return folder.replaceAll("/", "_");
}
