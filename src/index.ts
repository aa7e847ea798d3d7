// So that a program compiles, too, whose own settings name no library with Disposable.
/// <reference lib="esnext.disposable" preserve="true" />
export {
  type CreateOptions,
  FileMapping,
  type MappedView,
  type MappingAccess,
  type OpenOptions,
  type Security,
  type ViewAccess,
  type ViewOptions,
} from './file-mapping.js';
export {
  getSharedMem,
  loadSharedMem,
  MAX_CHARACTERS,
  SHMEMSIZE,
  type SharedMem,
  setSharedMem,
  unloadSharedMem,
} from './shared-mem.js';
export { type WatchOptions, watchSharedMem } from './watch-shared-mem.js';
export { Win32Error } from './win32-error.js';
