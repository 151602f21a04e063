import { type Client, createClient, type ServiceImpl, type Transport } from "@connectrpc/connect";
import { AppError } from "#errors/app-error.ts";
import type { PoolService } from "#gen/millrace/v1/pool_service_pb.js";
import { SchedulerService } from "#gen/millrace/v1/scheduler_service_pb.js";
import type { LimitStore, PoolView } from "#ports/limit-store.ts";
import { forwardOptions } from "../forward.ts";
import { invalidField } from "../list-request.ts";

const maxSize = 10_000;
const maxDescriptionLength = 1000;
const namePattern = /^[A-Za-z0-9_.-]{1,200}$/;

/** Pools are read here; a scheduler changes them. */
export function createPoolService({
  limits,
  scheduler,
}: {
  readonly limits: LimitStore;
  readonly scheduler: Transport;
}): ServiceImpl<typeof PoolService> {
  const client: Client<typeof SchedulerService> = createClient(SchedulerService, scheduler);
  return {
    async listPools() {
      return { pools: (await limits.listPools()).map(toPoolMessage) };
    },
    async updatePool({ name, size, description }, context) {
      const before = await findPool(limits, name);
      const pool = {
        name: readName(name),
        size: readSize(size ?? before?.size),
        description: readDescription(description ?? before?.description ?? ""),
      };
      await client.setPool(pool, forwardOptions(context));
      return { pool: toPoolMessage({ used: 0, waiting: 0, ...(await findPool(limits, name)), ...pool }) };
    },
    async deletePool({ name }, context) {
      const { removed } = await client.removePool({ name }, forwardOptions(context));
      if (removed) return {};
      throw new AppError("POOL_NOT_FOUND", `there is no pool ${name}`, { details: { pool: name } });
    },
  };
}

async function findPool(limits: LimitStore, name: string): Promise<PoolView | undefined> {
  return (await limits.listPools()).find((pool) => pool.name === name);
}

function readName(name: string): string {
  if (namePattern.test(name)) return name;
  throw invalidField("name", "must have 1 to 200 letters, digits, dots, hyphens or underscores");
}

function readSize(size: number | undefined): number {
  if (size === undefined) throw invalidField("size", "is missing; a new pool needs one");
  if (size >= 0 && size <= maxSize) return size;
  throw invalidField("size", `must be a whole number from 0 to ${maxSize}`);
}

function readDescription(description: string): string {
  if (description.length <= maxDescriptionLength) return description;
  throw invalidField("description", `is longer than ${maxDescriptionLength} characters`);
}

function toPoolMessage({ name, size, description, used, waiting }: PoolView) {
  return { name, size, description, used, waiting: BigInt(waiting) };
}
