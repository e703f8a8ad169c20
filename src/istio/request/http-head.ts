import { headerLine, type RequestDraft, wireText } from './draft.ts';
import { unreadableRequest } from './token.ts';

const REQUEST_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+) (\S+) HTTP\/(1\.[01]|2(?:\.0)?)$/;
const MAX_FIELDS = 1000;

/**
 * The head of an HTTP/1.1 request (RFC 9112 §3), or what `curl -v` prints of one, with `> ` before each line. A body is not looked at.
 * Problem: REQUEST_UNREADABLE.
 */
export function readHttpHead(text: string): RequestDraft {
  const all = text.replace(/^\s*\n/, '').split(/\r?\n/);
  const lines = all[0]?.startsWith('> ') === true ? all.filter((line) => line.startsWith('>')).map((line) => line.slice(2)) : all;
  const [, method, target, version] = REQUEST_LINE.exec(lines[0] ?? '') ?? [];
  if (method === undefined || target === undefined)
    throw unreadableRequest('line 1 is not a request line such as `GET /path HTTP/1.1`');
  const headers: (readonly [string, string])[] = [];
  const hosts: string[] = [];
  for (const [index, line] of lines.slice(1).entries()) {
    if (line === '') break;
    const field = headerLine(line);
    if (field === undefined) throw unreadableRequest(`line ${index + 2} is not a header such as \`name: value\``);
    if (field[0].toLowerCase() === 'host') hosts.push(field[1]);
    else headers.push(field);
    if (headers.length > MAX_FIELDS) throw unreadableRequest(`there are more than ${MAX_FIELDS} headers`);
  }
  if (hosts.length > 1) throw unreadableRequest('there is more than one `host` header');
  // The absolute form names the host, and stands over the header (RFC 9112 §3.2.2).
  const [, absoluteHost, absolutePath] = /^https?:\/\/([^/?#]*)(.*)$/i.exec(target) ?? [];
  const authority = absoluteHost === undefined ? hosts[0] : wireText(absoluteHost);
  return {
    transport: 'http',
    protocol: version?.startsWith('2') === true ? 'h2' : 'http/1.1',
    method,
    path: wireText(absoluteHost === undefined ? target : absolutePath || '/'),
    headers,
    ...(authority === undefined ? {} : { authority }),
  };
}
