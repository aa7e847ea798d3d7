// What require('dllmemfilemap/mirror') gives, as in index.cts.
import type * as modules from './mirror.js' with { 'resolution-mode': 'import' };

const api: typeof modules = require('./mirror.js');

declare namespace api {
  type Conflict = modules.Conflict;
  type Mirror = modules.Mirror;
  type MirrorError = modules.MirrorError;
  type MirrorErrorCode = modules.MirrorErrorCode;
  type MirrorEvents = modules.MirrorEvents;
  type MirrorOptions = modules.MirrorOptions;
  type MirroredValue = modules.MirroredValue;
  type SectionOptions = modules.SectionOptions;
}

export = api;
