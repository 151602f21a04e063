import type { StartFailure } from "../find-executable.ts";
import { type ConfinedPlace, confinedMounts } from "./confined-mounts.ts";
import { joinOutboundNetwork } from "./outbound-network.ts";
import { outboundResolverMount } from "./outbound-resolver.ts";

/** What is taken from root, so that it can't leave its network, look at other processes or reach the disk beneath. */
const escapes: readonly string[] = [
  "CAP_BPF",
  "CAP_MKNOD",
  "CAP_NET_ADMIN",
  "CAP_PERFMON",
  "CAP_SYS_ADMIN",
  "CAP_SYS_BOOT",
  "CAP_SYS_MODULE",
  "CAP_SYS_PTRACE",
  "CAP_SYS_RAWIO",
];

/** Bubblewrap reads the variables of the program from this descriptor. */
const optionsDescriptor = 3;

/** What is spawned in place of a program. */
interface EnclosedCommand {
  readonly file: string;
  readonly args: readonly string[];
  /** What `optionsDescriptor` gives; null: it is not open. */
  readonly optionsText: string | null;
}

/**
 * The command that runs a program within its enclosure, after a look at the host's folders. The program has a
 * table of processes of its own, so that it sees no other's environment and all that it starts dies with it. Its
 * variables go past the programs that enclose it: a loader's variable would else run code before there is an enclosure.
 */
export function encloseProcess(
  place: ConfinedPlace,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): EnclosedCommand | StartFailure {
  const { enclosure, directories, program, cwd } = place;
  const isConfined = enclosure.filesystem === "confined";
  const mounts = isConfined ? confinedMounts(place) : openMounts;
  if ("code" in mounts) return mounts;
  const drops = isConfined ? ["ALL"] : escapes;
  const wrapped = {
    file: enclosure.tools.bubblewrap,
    args: [
      ...["--args", String(optionsDescriptor), "--unshare-pid", "--unshare-ipc"],
      ...(enclosure.network === "none" ? ["--unshare-net"] : []),
      ...drops.flatMap((name) => ["--cap-drop", name]),
      ...mounts,
      ...(enclosure.network === "outbound" ? outboundResolverMount(directories.base, enclosure.filesystem) : []),
      ...["--chdir", cwd, "--", program, ...args],
    ],
  };
  const command = enclosure.network === "outbound" ? joinOutboundNetwork(wrapped, enclosure.tools) : wrapped;
  return "code" in command ? command : { ...command, optionsText: variableOptions(environment) };
}

function variableOptions(environment: Readonly<Record<string, string>>): string {
  const words = Object.entries(environment).flatMap(([name, value]) => ["--setenv", name, value]);
  return ["--clearenv", ...words].map((word) => `${word}\0`).join("");
}

const openMounts: readonly string[] = ["--dev-bind", "/", "/", "--proc", "/proc"];
