import { describe, expect, it } from "vitest";
import { tempDirPlaceholder, withTempDir } from "./temp-dir.ts";

describe("withTempDir", () => {
  it("puts the directory in at every depth, quotes and backslashes included", () => {
    const value = { command: `cd ${tempDirPlaceholder}/a`, list: [tempDirPlaceholder, 1] };
    expect(withTempDir(value, '/tmp/"odd\\name')).toEqual({
      command: 'cd /tmp/"odd\\name/a',
      list: ['/tmp/"odd\\name', 1],
    });
  });

  it("leaves everything else as it is", () => {
    const value = { command: "echo" };
    expect(withTempDir(value, "/tmp/x")).toBe(value);
  });
});
