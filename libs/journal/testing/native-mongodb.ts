/** A node of a replica set that specs may kill. */
export interface NativeNode {
  readonly host: string;
  stop(): Promise<void>;
  kill(): Promise<void>;
}

/** A mongod of their own for specs that break it. */
export interface NativeMongo {
  readonly address: string;
  readonly pid: number;
  stop(): Promise<void>;
  /** SIGKILL. */
  kill(): Promise<void>;
}

/** A replica set of several nodes. */
export interface NativeMongoSet {
  readonly address: string;
  readonly members: readonly NativeNode[];
  /** Waits until one of those running is elected. */
  primary(): Promise<NativeNode>;
  restart(member: NativeNode): Promise<void>;
  kill(): Promise<void>;
}

interface NativeModule {
  start(options: {
    readonly folder: string;
    readonly port?: number;
    readonly standalone?: boolean;
  }): Promise<NativeMongo>;
  startSet(options: { readonly folder: string; readonly nodes?: number }): Promise<NativeMongoSet>;
}

/** The native start of MongoDB (`deploy/native/mongodb.mjs`). */
export async function nativeMongodb(): Promise<NativeModule> {
  const url = new URL('../../../deploy/native/mongodb.mjs', import.meta.url);
  return (await import(url.href)) as NativeModule;
}
