import type { ServiceImpl } from "@connectrpc/connect";
import { breakerComponent } from "#breakers/breaker-component.ts";
import type { SystemService } from "#gen/millrace/v1/system_service_pb.js";
import type { Store } from "#ports/store.ts";
import { toBreakerMessage } from "./breaker-message.ts";
import { checkDeadLetters, checkHealth, worstOf } from "./health.ts";

/** Handles SystemService. */
export function createSystemService(deps: {
  store: Pick<Store, "queries" | "deadLetters" | "breakers">;
  version: string;
}): ServiceImpl<typeof SystemService> {
  const { store, version } = deps;
  return {
    async getHealth() {
      const [health, deadLetters] = await Promise.all([
        checkHealth(store.queries),
        checkDeadLetters(store.deadLetters),
      ]);
      const components = {
        ...health.components,
        dead_letters: deadLetters,
        breakers: breakerComponent(store.breakers),
      };
      const status = worstOf(Object.values(components));
      return { status, version, components, breakers: store.breakers.map(toBreakerMessage) };
    },
  };
}
