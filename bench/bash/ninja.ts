import { execFile } from "node:child_process";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Shape } from "../shapes.ts";

const execute = promisify(execFile);
const command = "bash -euo pipefail -c true";

/**
 * The shape as a build file whose targets are never made, so that all of them run each time. The answer gives the
 * milliseconds of a build, less those of one that finds nothing to do in the same file.
 */
export async function openNinja(folder: string, shape: Shape, jobs: number): Promise<() => Promise<number>> {
  const file = join(folder, `${shape.name}.ninja`);
  const lines = [`builddir = ${folder}`, "rule run", `  command = ${command}`];
  shape.layers.forEach((width, layer) => {
    const before = Array.from({ length: shape.layers[layer - 1] ?? 0 }, (_, place) => targetName(layer - 1, place));
    for (let place = 0; place < width; place += 1)
      lines.push(`build ${targetName(layer, place)}: run ${before.join(" ")}`);
  });
  const last = shape.layers.length - 1;
  const ends = Array.from({ length: shape.layers[last] ?? 0 }, (_, place) => targetName(last, place));
  lines.push(`build all: phony ${ends.join(" ")}`, "build nothing: phony", "");
  await writeFile(file, lines.join("\n"));
  const build = async (target: string): Promise<number> => {
    // A log of earlier builds would be read at the start.
    await rm(join(folder, ".ninja_log"), { force: true });
    const started = performance.now();
    await execute("ninja", ["-C", folder, "-f", file, "-j", String(jobs), target]);
    return performance.now() - started;
  };
  return async () => {
    const nothing = await build("nothing");
    return (await build("all")) - nothing;
  };
}

function targetName(layer: number, place: number): string {
  return `l${layer}_${place}`;
}
