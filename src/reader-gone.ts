/** Ends quietly when whoever reads the output has ended, as `head` does: what is left to print has no reader. */
export function endWithReader(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit();
  });
}
