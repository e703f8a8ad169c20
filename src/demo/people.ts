import { createHash, timingSafeEqual } from 'node:crypto';
import { keepSecret } from './secret-file.ts';

/** Somebody who can sign in to the demo. */
export interface Person {
  /** Short name for the table and the password file. */
  readonly id: string;
  readonly email: string;
  readonly name: string;
  /** What this person stands for: `engineer`. */
  readonly role: string;
  readonly groups: readonly string[];
  readonly password: string;
}

/** The demo's three people: one who runs, one who leads, one who looks. */
const PEOPLE: readonly Omit<Person, 'password'>[] = [
  { id: 'ada', email: 'ada@acme.example', name: 'Ada Engineer', role: 'engineer', groups: ['data-engineers'] },
  { id: 'lee', email: 'lee@acme.example', name: 'Lee Lead', role: 'lead', groups: ['data-leads', 'platform'] },
  { id: 'vic', email: 'vic@acme.example', name: 'Vic Viewer', role: 'viewer', groups: ['viewers'] },
];

/** No letter or digit that is easily taken for another; 32 of them, so that a byte modulo 32 is even. */
const ALPHABET = 'abcdefghijkmnpqrstuvwxyz23456789';
const PASSWORD_CHARACTERS = 12;

/** The three people with their passwords (60 bits each), kept in `path` (mode 0600) so that they stay the same across restarts. */
export function keepPeople(path: string, randomBytes: (count: number) => Uint8Array): readonly Person[] {
  const text = keepSecret(path, () =>
    PEOPLE.map((person) => `${person.email} ${makePassword(randomBytes(PASSWORD_CHARACTERS))}\n`).join(''),
  );
  const passwords = new Map(text.split('\n').map((line) => [line.split(' ')[0] ?? '', line.split(' ')[1] ?? '']));
  return PEOPLE.map((person) => {
    const password = passwords.get(person.email) ?? '';
    if (password.length < 8)
      throw new Error(`${path} holds no password for ${person.email}: delete the file, and new ones are made`);
    return { ...person, password };
  });
}

/** The person with this e-mail and password. Takes the same time whoever is named and however wrong the password is. */
export function findPerson(people: readonly Person[], email: string, password: string): Person | undefined {
  let found: Person | undefined;
  for (const person of people) {
    const isRight = timingSafeEqual(digest(person.password), digest(password));
    if (isRight && person.email === email.trim().toLowerCase()) found = person;
  }
  return found;
}

function makePassword(bytes: Uint8Array): string {
  const characters = Array.from(bytes, (byte) => ALPHABET[byte % ALPHABET.length]).join('');
  return characters.replace(/(.{4})(?=.)/g, '$1-');
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
