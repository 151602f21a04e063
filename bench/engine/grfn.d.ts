/** Its own declarations lie where its package.json does not lead. */
declare module "grfn" {
  type Call = () => unknown;
  function grfn(vertices: readonly (readonly [call: Call, dependencies: readonly Call[]])[]): () => Promise<unknown>;
  export { grfn as default };
}
