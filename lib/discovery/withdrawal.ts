/** How long close() waits for a registry to withdraw an entry. */
const withdrawTimeoutMs = 3000;

/** Waits until the withdrawal has ended, with whatever outcome, or for 3 s; it then continues in the background. */
export async function untilWithdrawn(withdrawal: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, withdrawTimeoutMs);
  });
  await Promise.race([Promise.allSettled([withdrawal]), late]);
  clearTimeout(timer);
}
