import { nearestName } from '../core/diagnostic.ts';
import { isLoopback, type ListenAddress } from '../gateway/config.ts';
import { checkSources, type IdentitySourceConfig } from '../identity/config.ts';
import type { TargetConfig } from '../targets/config.ts';
import type { Explained } from './explain-issue.ts';
import type { Path } from './places.ts';
import type { PartialSections } from './sections.ts';

type Finding = Explained & { readonly severity?: 'warning' };

/** Rules that no section can see alone. They read what parsed and say nothing about what did not. */
export function checkRules(sections: PartialSections, data: Readonly<Record<string, unknown>>): readonly Finding[] {
  return [
    ...encryption(sections, data),
    ...ports(sections),
    ...targetNames(sections),
    ...sources(sections),
    ...administrators(sections),
    ...policyFolders(sections),
  ];
}

function finding(code: string, path: Path, message: string, help?: string): Finding {
  return { path, at: 'value', code, message, ...(help === undefined ? {} : { help }) };
}

/** A listener without TLS stays on loopback, unless somebody said that TLS ends in front of it. */
function encryption(sections: PartialSections, data: Readonly<Record<string, unknown>>): readonly Finding[] {
  const { listen, tls, origin } = sections;
  if (tls === undefined && data['tls'] !== undefined) return [];
  const found: Finding[] = [];
  for (const name of ['proxy', 'control', 'admin'] as const) {
    const address = listen?.[name];
    const isCovered = tls === 'external' || (tls !== undefined && name !== 'admin');
    if (address === undefined || isLoopback(address.host) || isCovered) continue;
    const help =
      name === 'admin'
        ? 'use 127.0.0.1, or say `tls: external` when something in front protects it'
        : 'configure `tls`, use 127.0.0.1, or say `tls: external` when something in front ends TLS';
    found.push(finding('CONFIG_INSECURE', ['listen', name], `\`listen.${name}\` is not on loopback and has no TLS`, help));
  }
  if (origin?.secure === true && tls === undefined) {
    found.push(
      finding(
        'CONFIG_CONFLICT',
        ['origin'],
        '`origin` is https, and nothing ends TLS',
        'configure `tls`, or say `tls: external`',
      ),
    );
  }
  if (origin?.secure === false && tls !== undefined) {
    found.push(
      finding('CONFIG_CONFLICT', ['origin'], '`origin` is http, and `tls` is configured', 'write the origin with https'),
    );
  }
  return found;
}

/** Each listener has an address of its own. */
function ports(sections: PartialSections): readonly Finding[] {
  const listeners: { readonly path: Path; readonly name: string; readonly address: ListenAddress }[] = [];
  for (const name of ['proxy', 'control', 'admin'] as const) {
    const address = sections.listen?.[name];
    if (address !== undefined) listeners.push({ path: ['listen', name], name: `listen.${name}`, address });
  }
  for (const [index, target] of targets(sections)) {
    if (target.port === undefined) continue;
    const path = ['targets', index, 'port'] as const;
    listeners.push({ path, name: `target ${target.name}`, address: { host: '127.0.0.1', port: target.port } });
  }
  return listeners.flatMap(({ path, address }, index) => {
    const other = listeners.slice(0, index).find((earlier) => overlap(earlier.address, address));
    return other === undefined
      ? []
      : [finding('CONFIG_DUPLICATE', path, `port ${address.port} is taken already by \`${other.name}\``)];
  });
}

function overlap(a: ListenAddress, b: ListenAddress): boolean {
  const isEverywhere = (host: string): boolean => host === '' || host === '0.0.0.0' || host === '::';
  return a.port !== 0 && a.port === b.port && (a.host === b.host || isEverywhere(a.host) || isEverywhere(b.host));
}

/** A name and a host mean one target; the control origin's host is never a target's, for cookies do not tell ports apart. */
function targetNames(sections: PartialSections): readonly Finding[] {
  const found: Finding[] = [];
  const names = new Set<string>();
  const owners = new Map<string, string>();
  for (const [index, target] of targets(sections)) {
    if (names.has(target.name)) {
      found.push(finding('CONFIG_DUPLICATE', ['targets', index, 'name'], `target \`${target.name}\` stands twice`));
    }
    names.add(target.name);
    target.hosts.forEach((host, at) => {
      const path = ['targets', index, 'hosts', at] as const;
      const owner = owners.get(host);
      if (owner !== undefined)
        found.push(finding('CONFIG_DUPLICATE', path, `host \`${host}\` belongs to target \`${owner}\` already`));
      owners.set(host, owner ?? target.name);
      if (host !== sections.origin?.host) return;
      found.push(finding('CONFIG_CONFLICT', path, `host \`${host}\` is the control origin’s and cannot be a target’s`));
    });
    if (target.port !== undefined && target.port === sections.origin?.port && !sections.origin.secure) {
      found.push(finding('CONFIG_CONFLICT', ['targets', index, 'port'], `port ${target.port} is the control origin’s`));
    }
    if (target.hosts.length > 0 && sections.listen !== undefined && sections.listen.proxy === undefined) {
      const message = `target \`${target.name}\` has hosts, and there is no \`listen.proxy\` to serve them`;
      found.push(finding('CONFIG_MISSING', ['targets', index, 'hosts'], message, 'add `listen: {proxy: ":8443"}`'));
    }
  }
  return found;
}

function sources(sections: PartialSections): readonly Finding[] {
  const known = [...(sections.identity ?? []).entries()].filter(
    (entry): entry is [number, IdentitySourceConfig] => entry[1] !== undefined,
  );
  return checkSources(known.map(([, source]) => source)).map(({ code, message, path = '', help }) => {
    const [first = 'identity', index, ...rest] = parsePath(path);
    const original = typeof index === 'number' ? known[index]?.[0] : undefined;
    return finding(code, original === undefined ? [first] : [first, original, ...rest], message, help);
  });
}

function administrators(sections: PartialSections): readonly Finding[] {
  const list = sections.administrators ?? [];
  if (list.length === 0 && sections.administrators !== undefined) {
    const message = '`administrators` is empty: nobody may apply a policy, revoke, or read others’ decisions';
    return [{ ...finding('CONFIG_NO_ADMINISTRATOR', ['administrators'], message), severity: 'warning' }];
  }
  const names = (sections.identity ?? []).map((source) => source?.name);
  if (names.includes(undefined)) return [];
  return list.flatMap((who, index) => {
    const cluster = /^workload:([^:/]+):/.exec(who ?? '')?.[1];
    if (cluster === undefined || names.includes(cluster)) return [];
    const nearest = nearestName(
      cluster,
      names.filter((name) => name !== undefined),
    );
    const help = nearest === undefined ? undefined : `did you mean \`${nearest}\`?`;
    return [finding('CONFIG_VALUE', ['administrators', index], `no identity source is named \`${cluster}\``, help)];
  });
}

function policyFolders(sections: PartialSections): readonly Finding[] {
  const seen = new Set<string>();
  return (sections.policies ?? []).flatMap((policy, index) => {
    if (policy === undefined) return [];
    const isRepeated = seen.has(policy.path);
    seen.add(policy.path);
    return isRepeated ? [finding('CONFIG_DUPLICATE', ['policies', index, 'path'], `\`${policy.path}\` stands twice`)] : [];
  });
}

function targets(sections: PartialSections): readonly [number, TargetConfig][] {
  return [...(sections.targets ?? []).entries()].filter((entry): entry is [number, TargetConfig] => entry[1] !== undefined);
}

/** `identity[2].owns.users[0]` as segments. */
function parsePath(text: string): (string | number)[] {
  return [...text.matchAll(/\[(\d+)\]|[^.[\]]+/g)].map((match) => (match[1] === undefined ? match[0] : Number(match[1])));
}
