import { defineConfig } from "vitest/config";

const shared = {
  globalSetup: "libs/testing/global-setup.ts",
  pool: "forks" as const,
  testTimeout: 30_000,
  hookTimeout: 60_000,
};

/** Two projects: `unit` runs files side by side; `e2e` starts whole processes, so one file after the other, when the units are done. */
export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [
      {
        test: {
          ...shared,
          name: "unit",
          include: [
            "libs/**/*.test.ts",
            "services/**/*.test.ts",
            "cli/**/*.test.ts",
            "sdk/**/*.test.ts",
            "bin/**/*.test.ts",
            "scripts/**/*.test.ts",
            "simulation/**/*.test.ts",
            "chaos/**/*.test.ts",
          ],
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          ...shared,
          name: "e2e",
          include: ["e2e/**/*.test.ts"],
          testTimeout: 120_000,
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
