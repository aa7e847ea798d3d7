// What require('dllmemfilemap') gives: the ECMAScript modules, as values and as types for TypeScript. Without it, all of them
// would be refused where TypeScript stands for a Node that cannot require them (module node16).
import type * as modules from './index.js' with { 'resolution-mode': 'import' };

const api: typeof modules = require('./index.js');

declare namespace api {
  type ArrayType<E extends FieldType = FieldType> = modules.ArrayType<E>;
  type CreateOptions = modules.CreateOptions;
  type EventOptions = modules.EventOptions;
  type FieldType = modules.FieldType;
  type FileMapping = modules.FileMapping;
  type MappedView = modules.MappedView;
  type MappingAccess = modules.MappingAccess;
  type MutexLock = modules.MutexLock;
  type NamedEvent = modules.NamedEvent;
  type NamedMutex = modules.NamedMutex;
  type NamedObject = modules.NamedObject;
  type NamedObjectOptions = modules.NamedObjectOptions;
  type NamedSemaphore = modules.NamedSemaphore;
  type OpenOptions = modules.OpenOptions;
  type ScalarType = modules.ScalarType;
  type Security = modules.Security;
  type SemaphoreOptions = modules.SemaphoreOptions;
  type SharedMem = modules.SharedMem;
  type Struct<F extends Readonly<Record<string, FieldType>> = Readonly<Record<string, FieldType>>> = modules.Struct<F>;
  type StructOptions = modules.StructOptions;
  type StructValue<S extends Struct> = modules.StructValue<S>;
  type TextType = modules.TextType;
  type TimeoutOptions = modules.TimeoutOptions;
  type ViewAccess = modules.ViewAccess;
  type ViewOptions = modules.ViewOptions;
  type WaitAnyResult = modules.WaitAnyResult;
  type WaitForOptions = modules.WaitForOptions;
  type WaitOptions = modules.WaitOptions;
  type WatchOptions = modules.WatchOptions;
  type Win32Error = modules.Win32Error;
}

export = api;
