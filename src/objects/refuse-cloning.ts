/**
 * Makes `structuredClone`, `postMessage` and `process.send` with advanced serialization throw a `DataCloneError`, where
 * they would make a dead plain object of one that holds something. Every runtime refuses a function among an object's
 * own properties; `markAsUncloneable` is unknown to Node 20, and to `v8.serialize`.
 *
 * @param release the name of the method that gives up what the object holds
 * @internal
 */
export function refuseCloning<K extends string>(object: Readonly<Record<K, () => void>>, release: K): void {
  Object.defineProperty(object, release, { value: object[release], enumerable: true });
}
