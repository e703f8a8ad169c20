// The floor: `node:http` and undici with nothing between, on the port of argv[2] to the upstream of argv[3].
import { createServer } from 'node:http';
import { Pool } from 'undici';

const [port, upstream] = [Number(process.argv[2]), process.argv[3] ?? ''];
const pool = new Pool(upstream, { connections: 64, pipelining: 1 });

createServer((request, response) => {
  pool.dispatch(
    { path: request.url ?? '/', method: request.method ?? 'GET', headers: request.rawHeaders, body: null },
    {
      onRequestStart() {},
      onResponseStart(controller, status) {
        const raw = Array.isArray(controller.rawHeaders) ? controller.rawHeaders.map(String) : [];
        response.writeHead(status, raw);
      },
      onResponseData(controller, chunk) {
        if (!response.write(chunk) && !response.destroyed) {
          controller.pause();
          response.once('drain', () => controller.resume());
        }
      },
      onResponseEnd() {
        response.end();
      },
      onResponseError() {
        response.destroy();
      },
    },
  );
}).listen(port, '127.0.0.1');
