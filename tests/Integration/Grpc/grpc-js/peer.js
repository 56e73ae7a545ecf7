'use strict';
// One end of a gRPC connection, by @grpc/grpc-js.
//   node peer.js server '{"tls": {...}}'                      prints {"port": N} and serves until killed
//   node peer.js client        for each line {"address": "...", "scenario": "...", "tls": {...}} prints what the client saw
// Both end when their input does, so that nothing outlives the tests.
const fs = require('fs');
const http2 = require('http2');
const path = require('path');
const readline = require('readline');
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');

const definition = loader.loadSync(path.join(__dirname, 'echo.proto'), { keepCase: true, longs: Number, defaults: true });
const Echo = grpc.loadPackageDefinition(definition).pgcluster.test.v1.Echo;
const say = (value) => process.stdout.write(JSON.stringify(value) + '\n');
const read = (file) => (file ? fs.readFileSync(file) : null);

function serve({ tls }) {
  let cancelled = 0;
  let hanging = 0;
  const answer = (call, request, number) => ({
    text: request.text,
    payload: request.payload,
    number,
    metadata: String(call.metadata.get('x-test')[0] || ''),
  });
  const failure = (request) => {
    const trailers = new grpc.Metadata();
    trailers.set('x-why', 'asked for');
    return { code: request.fail_code, details: request.fail_message, metadata: trailers };
  };
  const watch = (call) => call.on('cancelled', () => { cancelled += 1; });

  const server = new grpc.Server();
  server.addService(Echo.service, {
    Say(call, callback) {
      watch(call);
      if (call.request.hang) { hanging += 1; return; }
      if (call.request.fail_code) callback(failure(call.request));
      else callback(null, answer(call, call.request, 0));
    },
    async Count(call) {
      watch(call);
      for (let i = 0; i < call.request.count; i += 1) {
        if (!call.write(answer(call, call.request, i))) await new Promise((resolve) => call.once('drain', resolve));
      }
      if (call.request.hang) return;
      if (call.request.fail_code) call.emit('error', failure(call.request));
      else call.end();
    },
    Talk(call) {
      watch(call);
      let number = 0;
      call.on('data', (request) => {
        if (request.fail_code) call.emit('error', failure(request));
        else if (!request.hang) call.write(answer(call, request, number++));
      });
      call.on('end', () => call.end());
      call.on('error', () => {});
    },
    Seen(call, callback) { callback(null, { cancelled, hanging }); },
  });
  const credentials = tls
    ? grpc.ServerCredentials.createSsl(read(tls.ca), [{ cert_chain: read(tls.cert), private_key: read(tls.key) }], true)
    : grpc.ServerCredentials.createInsecure();
  server.bindAsync('127.0.0.1:0', credentials, (error, port) => {
    if (error) throw error;
    say({ port });
  });
}

function connect({ address, tls }) {
  const credentials = tls
    ? grpc.credentials.createSsl(read(tls.ca), read(tls.key), read(tls.cert))
    : grpc.credentials.createInsecure();
  return new Echo(address, credentials);
}

const seen = (error) => ({ code: error.code, details: error.details, reason: error.metadata.get('pgcluster-reason')[0] || null });
const sayOnce = (client, request, metadata, options) => new Promise((resolve) => {
  client.Say(request, metadata || new grpc.Metadata(), options || {}, (error, reply) => resolve(error ? seen(error) : reply));
});
const bytes = (size) => Buffer.from(Uint8Array.from({ length: size }, (_, i) => i % 251));

const scenarios = {
  async unary(client) {
    const metadata = new grpc.Metadata();
    metadata.set('x-test', 'given');
    const reply = await sayOnce(client, { text: 'grüß dich' }, metadata);
    return { text: reply.text, metadata: reply.metadata };
  },
  async big(client, { size }) {
    const payload = bytes(size);
    const reply = await sayOnce(client, { payload });
    return { code: reply.code || 0, same: !!reply.payload && payload.equals(reply.payload) };
  },
  async error(client, { request }) { return sayOnce(client, request); },
  async deadline(client) { return sayOnce(client, { hang: true }, null, await soon(client)); },
  async unknown(client) {
    return new Promise((resolve) => client.Nowhere({}, (error) => resolve(seen(error))));
  },
  async stream(client, { count, size, request }) {
    const payload = bytes(size);
    const call = client.Count({ ...request, count, payload });
    const result = { numbers: 0, inOrder: true, same: true, status: null };
    return new Promise((resolve) => {
      call.on('data', (reply) => {
        result.inOrder = result.inOrder && reply.number === result.numbers;
        result.same = result.same && payload.equals(reply.payload);
        result.numbers += 1;
      });
      call.on('error', (error) => resolve({ ...result, status: seen(error) }));
      call.on('end', () => { result.status = result.status || { code: 0 }; });
      call.on('status', (status) => { if (status.code === 0) resolve({ ...result, status: { code: 0 } }); });
    });
  },
  async duplex(client, { count, size }) {
    const payload = bytes(size);
    const call = client.Talk();
    let answers = 0;
    let same = true;
    return new Promise((resolve) => {
      const next = () => (answers < count ? call.write({ text: `m${answers}`, payload }) : call.end());
      call.on('data', (reply) => {
        same = same && reply.text === `m${answers}` && reply.number === answers && payload.equals(reply.payload);
        answers += 1;
        next();
      });
      call.on('error', (error) => resolve({ answers, same, code: error.code }));
      call.on('status', (status) => resolve({ answers, same, code: status.code }));
      next();
    });
  },
  async cancel(client) {
    const call = client.Count({ count: 1, hang: true });
    return new Promise((resolve) => {
      call.on('data', () => call.cancel());
      call.on('error', (error) => resolve(seen(error)));
    });
  },
  // Says when it is in the middle of a stream, and stays there.
  async hold(client) {
    const call = client.Count({ count: 1, hang: true });
    return new Promise((resolve) => {
      call.on('data', () => say({ holding: true }));
      call.on('error', (error) => resolve(seen(error)));
    });
  },
  async flood(client, { count, size }) {
    const call = client.Count({ count, payload: bytes(size) }, await soon(client));
    return new Promise((resolve) => call.on('error', (error) => resolve(seen(error))));
  },
  // Plain HTTP/2, for grpc-js takes in whatever comes: reads nothing, so that the server fills the window and waits.
  async stalled(client, { address, count, size }) {
    const message = Echo.service.Count.requestSerialize({ count, payload: bytes(size) });
    const frame = Buffer.alloc(5);
    frame.writeUInt32BE(message.length, 1);
    const call = http2.connect(`http://${address}`).request({
      ':method': 'POST', ':path': Echo.service.Count.path, 'content-type': 'application/grpc', te: 'trailers', 'grpc-timeout': '1S',
    });
    call.end(Buffer.concat([frame, message]));
    return new Promise((resolve) => call.on('response', () => resolve({ answered: true })));
  },
};

// A deadline that a call on a standing connection has time to reach its handler in.
function soon(client) {
  return new Promise((resolve, reject) => client.waitForReady(Date.now() + 15_000, (error) => {
    if (error) {
      reject(error);
    } else {
      resolve({ deadline: Date.now() + 2_000 });
    }
  }));
}

async function run(options) {
  const client = connect(options);
  say(await scenarios[options.scenario](client, options));
  client.close();
}

const lines = readline.createInterface({ input: process.stdin });
lines.on('close', () => process.exit(0));
if (process.argv[2] === 'server') {
  serve(JSON.parse(process.argv[3]));
} else {
  lines.on('line', (line) => run(JSON.parse(line)).catch((error) => { console.error(error); process.exit(1); }));
}
