/** A limit that ended an attempt: the code of its failure, and what to say. */
export interface LimitBreach {
  readonly code: "out_of_memory" | "disk_limit" | "process_limit";
  readonly message: string;
}

export function memoryBreach(usedBytes: number | null, limitBytes: number | null): LimitBreach {
  const code = "out_of_memory";
  if (limitBytes === null)
    return { code, message: "out of memory: the kernel ended it, for the host or the worker has no more" };
  const limit = formatBytes(limitBytes);
  const what =
    usedBytes === null
      ? `the kernel ended it at its limit of ${limit}`
      : `its processes used ${formatBytes(usedBytes)} of ${limit}`;
  return { code, message: `out of memory: ${what}; raise \`resources.memory\` or use less` };
}

export function diskBreach(used: string, limitBytes: number): LimitBreach {
  const message = `its directories hold ${used} where ${formatBytes(limitBytes)} are allowed; raise \`resources.disk\` or leave less`;
  return { code: "disk_limit", message };
}

export function processBreach(limit: number): LimitBreach {
  return { code: "process_limit", message: `it reached ${limit} processes, the most that an attempt may have` };
}

/** In the largest unit that leaves at least 1. */
export function formatBytes(bytes: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  let amount = bytes;
  let index = 0;
  while (amount >= 1024 && index < units.length - 1) {
    amount /= 1024;
    index += 1;
  }
  return `${Math.round(amount * 10) / 10} ${units[index] ?? ""}`;
}
