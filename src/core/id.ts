import { hexText } from './hex.ts';
import type { Clock, Randomness } from './ports.ts';

/** RFC 9562 UUIDv7: sortable by time, 74 random bits. */
export function uuidv7(clock: Clock, randomness: Randomness): string {
  const time = Math.floor(clock.now()).toString(16).padStart(12, '0');
  const bytes = randomness.bytes(10);
  const random = hexText(bytes);
  const variant = VARIANTS[((bytes[2] ?? 0) >> 4) & 0x03];
  return `${time.slice(0, 8)}-${time.slice(8)}-7${random.slice(1, 4)}-${variant}${random.slice(5, 8)}-${random.slice(8)}`;
}

/** First digit of the fourth group, by its two free bits (§4.1). */
const VARIANTS = ['8', '9', 'a', 'b'] as const;
