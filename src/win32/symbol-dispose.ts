/**
 * Node 20 and 22 have `Symbol.dispose` and `Symbol.asyncDispose` in their main context alone. In another one, such as a test
 * of Jest's or of Vitest's `vmThreads`, classes would get a method named "undefined", and `using` would fail. These are the
 * symbols that esbuild, Babel and swc make do with there, so that everything compiled by them, or by TypeScript, finds the
 * same.
 */
for (const name of ['dispose', 'asyncDispose'] as const) {
  if (Symbol[name] === undefined) Object.defineProperty(Symbol, name, { value: Symbol.for(`Symbol.${name}`) });
}
