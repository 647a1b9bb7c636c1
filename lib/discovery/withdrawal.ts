/** A registry may take so long to withdraw an entry before whoever closes goes on without it. */
const withdrawTimeoutMs = 3000;

/** Until it has ended, however it did, or has taken 3 s; it then goes on by itself. */
export async function untilWithdrawn(withdrawal: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, withdrawTimeoutMs);
  });
  await Promise.race([Promise.allSettled([withdrawal]), late]);
  clearTimeout(timer);
}
