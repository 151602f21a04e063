import { access } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import { eventually } from "../harness/eventually.ts";
import type { Sight } from "./field-row.ts";

/** A command that goes on until the file NAME is in the server's folder, which is the parameter `folder`. */
export function untilFile(name: string): string {
  return `touch '{{ params.folder }}/${name}.begun'; until test -e '{{ params.folder }}/${name}'; do sleep 0.05; done`;
}

export async function fileExists({ deployment }: Sight, name: string): Promise<void> {
  const there = () => access(join(deployment.folder, name)).then(() => true);
  await eventually(
    () => there().catch(() => false),
    (seen) => expect(seen).toBe(true),
  );
}
