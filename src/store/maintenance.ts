/** One small step of work; true when there is more to do soon. */
export type Task = () => boolean;

export interface MaintenanceOptions {
  readonly intervalMs: number;
  readonly tasks: readonly Task[];
  onError(thrown: unknown): void;
}

/** Runs tasks from time to time in small steps, and lets writes pass between any two. */
export class Maintenance {
  readonly #options: MaintenanceOptions;
  #timer: NodeJS.Timeout | undefined;
  #step: NodeJS.Immediate | undefined;

  constructor(options: MaintenanceOptions) {
    this.#options = options;
  }

  start(): void {
    this.#run(0);
  }

  stop(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#step);
  }

  #run(index: number): void {
    const task = this.#options.tasks[index];
    if (task === undefined) {
      this.#timer = setTimeout(() => this.#run(0), this.#options.intervalMs);
      return;
    }
    this.#step = setImmediate(() => {
      let hasMore = false;
      try {
        hasMore = task();
      } catch (thrown) {
        this.#options.onError(thrown);
      }
      this.#run(hasMore ? index : index + 1);
    });
  }
}
