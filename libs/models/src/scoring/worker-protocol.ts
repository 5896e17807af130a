/** What the scoring worker is asked; it answers every request once, in order. */
export type WorkerRequest =
  | { readonly kind: 'load'; readonly digest: string; readonly bytes: Uint8Array }
  | {
      readonly kind: 'score';
      readonly digest: string;
      /** Row-major, `count` × `features`. */
      readonly rows: Float32Array;
      readonly count: number;
      readonly features: number;
    }
  | { readonly kind: 'unload'; readonly digest: string };

/** What it answers: probabilities of class 1 to `score`, nothing to the others, or why it could not. */
export type WorkerReply =
  | { readonly ok: true; readonly probabilities: Float32Array }
  | { readonly ok: false; readonly message: string; /** The worker must be replaced. */ readonly broken: boolean };

/** What it is given at its start. */
export interface WorkerSettings {
  /** Most bytes of WebAssembly memory, in pages of 64 KiB. */
  readonly memoryPagesMax: number;
}
