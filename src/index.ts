/** @module dllmemfilemap */
// So that a program compiles, too, whose own settings name no library with Disposable.
/// <reference lib="esnext.disposable" preserve="true" />
import './win32/symbol-dispose.js';

declare global {
  // So that a program compiles, too, that has neither Node's types nor a browser's.
  interface AbortSignal {}
}

export type { MappingAccess, ViewAccess, ViewOptions } from './objects/access.js';
export { type CreateOptions, FileMapping, type OpenOptions, type WaitForOptions } from './objects/file-mapping.js';
export type { MappedView } from './objects/mapped-view.js';
export { type EventOptions, NamedEvent } from './objects/named-event.js';
export { NamedMutex } from './objects/named-mutex.js';
export type { NamedObject, NamedObjectOptions } from './objects/named-object.js';
export { NamedSemaphore, type SemaphoreOptions } from './objects/named-semaphore.js';
export type { Security } from './objects/security.js';
export {
  type ArrayType,
  array,
  type FieldType,
  type ScalarType,
  type Struct,
  type StructOptions,
  type StructValue,
  struct,
  type TextType,
  text,
} from './objects/struct.js';
export { type WaitAnyResult, waitAny } from './objects/wait-any.js';
export type { MutexLock } from './objects/waiting/mutex-lock.js';
export type { TimeoutOptions, WaitOptions } from './objects/waiting/wait-options.js';
export {
  getSharedMem,
  loadSharedMem,
  MAX_CHARACTERS,
  SHMEMSIZE,
  type SharedMem,
  setSharedMem,
  unloadSharedMem,
} from './shared-mem/shared-mem.js';
export { type WatchOptions, watchSharedMem } from './shared-mem/watch-shared-mem.js';
export { Win32Error } from './win32/win32-error.js';
