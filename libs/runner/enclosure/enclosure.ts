import type { ContainerOwner } from "./container-owner.ts";

/** What an attempt's processes reach. `outbound`: they may connect to other machines, and nothing connects to them. */
export type NetworkReach = "none" | "outbound" | "full";

/** The programs of the host that enclose processes. */
export interface ProcessTools {
  /** Absolute path of `bwrap`. */
  readonly bubblewrap: string;
  /** Absolute path of `slirp4netns`; null: there is none that works, so that nothing is enclosed as `outbound`. */
  readonly slirp4netns: string | null;
}

/** The command line of a container engine, found on the host and tried. */
export interface ContainerTool {
  readonly kind: "podman" | "docker";
  /** Absolute path. */
  readonly path: string;
  /** It brings an init process, which passes signals on and reaps orphans. */
  readonly hasInit: boolean;
  /** All variables that its calls get: what it needs to find its engine, and nothing of a task. */
  readonly environment: Readonly<Record<string, string>>;
  /** The ids that the worker runs as; inside, a container's processes have them too. */
  readonly user: { readonly uid: number; readonly gid: number };
}

/** A folder or file of the host that a container sees. */
export interface ContainerMount {
  readonly source: string;
  readonly target: string;
  readonly readOnly: boolean;
}

/** When an image is fetched: when the host has none of that name, at each start, or never. */
export type PullPolicy = "missing" | "always" | "never";

export interface ProcessEnclosure {
  readonly kind: "process";
  readonly network: NetworkReach;
  /** `confined`: it writes its own directories alone, and reads these, the system's programs and `readable`. */
  readonly filesystem: "open" | "confined";
  /** Absolute paths. */
  readonly readable: readonly string[];
  /** Folder of the definition, which is readable too; empty: none is shared. */
  readonly dagDirectory: string;
  /** The worker's data directory, of which it sees its own folders alone. Absolute; empty: it is not known. */
  readonly dataDirectory: string;
  readonly tools: ProcessTools;
}

export interface ContainerEnclosure {
  readonly kind: "container";
  readonly image: string;
  readonly network: NetworkReach;
  /** 0: none. */
  readonly gpus: number;
  readonly mounts: readonly ContainerMount[];
  /** Folder of the definition, which is readable inside at the same path; empty: none is shared. */
  readonly dagDirectory: string;
  /** The worker's data directory, of which it sees the attempt's folders alone. Absolute; empty: it is not known. */
  readonly dataDirectory: string;
  readonly pull: PullPolicy;
  readonly tool: ContainerTool;
  /** Absent: no worker looks for it when it starts. */
  readonly owner?: ContainerOwner;
}

/** What surrounds the processes of an attempt. It travels with the attempt to the runner, which surrounds each of them. */
export type Enclosure = ProcessEnclosure | ContainerEnclosure;
