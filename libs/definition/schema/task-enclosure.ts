import type { OperatorSchema } from "#ports/operator-schema.ts";
import type { TaskDefinition } from "../model.ts";
import type { TaskDefaultsInput, TaskInput } from "./definition-schema.ts";

/** What surrounds the processes of a task. A task that says nothing runs in processes that nothing surrounds. */
export interface TaskEnclosure {
  readonly isolation: "process" | "container";
  /** Null: the operator's own field has it, or it is no container. */
  readonly image: string | null;
  readonly network: "none" | "outbound" | "full";
  readonly filesystem: "open" | "confined";
  /** What a confined process may read. Absolute. */
  readonly allowPaths: readonly string[];
}

/** What a worker's host must be able to do to run the task, in the words of its hello; empty: nothing beyond a process. */
export function requiredCapabilities({ enclosure }: Pick<TaskDefinition, "enclosure">): readonly string[] {
  if (enclosure === undefined) return [];
  if (enclosure.isolation === "container") return ["container"];
  return [
    ...(enclosure.network === "full" ? [] : [`network:${enclosure.network}`]),
    ...(enclosure.filesystem === "open" ? [] : ["filesystem:confined"]),
  ];
}

/** The part of a task that says what surrounds it, in the normal form; empty where that is nothing. */
export function withEnclosure(
  body: TaskInput,
  defaults: TaskDefaultsInput,
  operator: OperatorSchema | undefined,
): Pick<TaskDefinition, "enclosure"> {
  if (operator?.encloses === undefined) return {};
  const own = body.operator["network"] as TaskInput["network"];
  const network = own ?? body.network ?? defaults.network;
  const isContainer = operator.encloses === "container" || (body.isolation ?? defaults.isolation) === "container";
  if (isContainer) {
    const image = operator.encloses === "container" ? null : (body.image ?? defaults.image ?? null);
    const enclosure = { isolation: "container", image, network: network ?? "none" } as const;
    return { enclosure: { ...enclosure, filesystem: "open", allowPaths: [] } };
  }
  const filesystem = body.filesystem ?? defaults.filesystem ?? "open";
  if (filesystem === "open" && (network ?? "full") === "full") return {};
  const allowPaths = filesystem === "open" ? [] : (body.allow_paths ?? defaults.allow_paths ?? []);
  return { enclosure: { isolation: "process", image: null, network: network ?? "full", filesystem, allowPaths } };
}
