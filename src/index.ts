export {
  getSharedMem,
  loadSharedMem,
  MAX_CHARACTERS,
  SHMEMSIZE,
  type SharedMem,
  setSharedMem,
  unloadSharedMem,
} from './shared-mem.js';
export { Win32Error } from './win32-error.js';
