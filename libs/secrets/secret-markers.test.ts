import { expect, test } from "vitest";
import { fillSecrets, SecretMarkers } from "./secret-markers.ts";

test("markers differ from attempt to attempt, so nobody can give a value that looks like one", () => {
  const [first, second] = [new SecretMarkers(), new SecretMarkers()];

  expect(first.markerOf("a")).toBe(first.markerOf("a"));
  expect(first.markerOf("a")).not.toBe(first.markerOf("b"));
  expect(first.markerOf("a")).not.toBe(second.markerOf("a"));
  expect(first.names).toEqual({ [first.markerOf("a")]: "a", [first.markerOf("b")]: "b" });
});

test("each secret comes in its marker's place, whatever is in it, and nowhere else", () => {
  const markers = new SecretMarkers();
  const marker = markers.markerOf("a");
  const secret = 'q"uo\\te\n$& \u{1f600}';
  const value = {
    list: [`x ${marker} y ${marker}`, 5, null],
    [marker]: "key",
    other: new SecretMarkers().markerOf("a"),
  };

  expect(fillSecrets(value, new Map([[marker, secret]]))).toEqual({
    list: [`x ${secret} y ${secret}`, 5, null],
    [secret]: "key",
    other: value.other,
  });
});
