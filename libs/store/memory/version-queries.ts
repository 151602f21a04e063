import type { VersionQueries, VersionView } from "#ports/version-views.ts";
import type { MemoryState } from "./memory-state.ts";
import { pageOf } from "./page.ts";
import type { StoredVersion } from "./stored-definition.ts";

const versionList = {
  order: [{ value: (version: VersionView) => version.version, descending: true }],
  sorts: {},
};

export function createMemoryVersionQueries(state: MemoryState): VersionQueries {
  const versionsOf = (dagId: string): readonly StoredVersion[] =>
    [...state.versions.values()].filter(({ dag }) => dag.dagId === dagId);
  return {
    async listVersions(page, dagId) {
      return pageOf(versionsOf(dagId).map(versionView), page, versionList);
    },
    async readVersion(dagId, version) {
      const found = versionsOf(dagId).find((each) => each.version === version);
      if (found === undefined) return null;
      const { text, definition } = found.content;
      return { ...versionView(found), text, definition };
    },
  };
}

function versionView({ versionKey, dag, version, content, registeredAt }: StoredVersion): VersionView {
  const { source, filePath, hash } = content;
  const isActive = dag.isActive && dag.activeVersionKey === versionKey;
  return { dagId: dag.dagId, version, isActive, source, filePath, hash, registeredAt };
}
