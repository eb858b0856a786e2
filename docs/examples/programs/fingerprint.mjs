// Answers each message of the kind "ask" with the SHA-256 of its body, as a message of the kind "told".
//
//     node fingerprint.mjs DIR
//
// DIR is the directory of a client that runs (`loopixmix client run DIR`). Node 18 or newer and the
// command `flock`; no packages.

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import http from "node:http";
import path from "node:path";

// A daemon that was started anew listens at another port: the files are read before each connection.
async function findDaemon(directory) {
  const read = async (name) => (await readFile(path.join(directory, name), "ascii")).trim();
  // After a crash another program may have the port, and would be shown the token. A daemon that runs holds its lock;
  // the number in that file tells nothing, because another process may have it by now.
  const tried = spawnSync("flock", ["--nonblock", "--shared", path.join(directory, "client.lock"), "true"]);
  if (tried.error) throw tried.error;
  if (tried.status !== 1) throw new Error("the client does not run");
  // The token first: so a new one is never sent to an old address.
  const token = await read("api.token");
  return { url: await read("api.url"), token };
}

// `http.request` uses no proxy, whatever the environment says. A proxy would see the token.
function open(daemon, method, target, body = null, type = "application/json") {
  return new Promise((resolve, reject) => {
    const headers = { Authorization: `Bearer ${daemon.token}` };
    if (body !== null) {
      headers["Content-Type"] = type;
      headers["Content-Length"] = Buffer.byteLength(body);
    }
    const request = http.request(`${daemon.url}${target}`, { method, headers }, resolve);
    request.on("error", reject);
    request.end(body ?? undefined);
  });
}

async function call(daemon, method, target, body = null) {
  const response = await open(daemon, method, target, body);
  const parts = [];
  for await (const part of response) parts.push(part);
  const answer = Buffer.concat(parts);
  if (response.statusCode >= 300) {
    throw new Error(`${method} ${target}: ${response.statusCode} ${answer}`);
  }
  return answer;
}

// The lines of server-sent events that this API uses: `event`, one line of `data`, comments.
async function* events(response) {
  response.setEncoding("utf8");
  let waiting = "";
  for await (const part of response) {
    waiting += part;
    for (let end = waiting.indexOf("\n\n"); end >= 0; end = waiting.indexOf("\n\n")) {
      const fields = {};
      for (const line of waiting.slice(0, end).split("\n")) {
        const colon = line.indexOf(":");
        if (colon > 0) fields[line.slice(0, colon)] = line.slice(colon + 1).replace(/^ /, "");
      }
      waiting = waiting.slice(end + 2);
      if (fields.event) yield { name: fields.event, data: JSON.parse(fields.data) };
    }
  }
}

async function answer(daemon, message) {
  if (message.sender === null) return; // an anonymous message has no address to answer to
  const body =
    message.body === null
      ? await call(daemon, "GET", `/v1/inbox/${message.number}/body`)
      : Buffer.from(message.body, "base64");
  // The same message, answered twice, has the same key: the daemon sends the answer once.
  await call(
    daemon,
    "POST",
    "/v1/messages",
    JSON.stringify({
      to: message.sender,
      kind: "told",
      idempotency_key: message.message_id,
      body: Buffer.from(createHash("sha256").update(body).digest("hex")).toString("base64"),
    }),
  );
}

async function follow(daemon) {
  const response = await open(daemon, "GET", "/v1/received?kind=ask");
  if (response.statusCode !== 200) throw new Error(`the daemon refused the stream: ${response.statusCode}`);
  let subscription = "";
  for await (const event of events(response)) {
    if (event.name === "subscribed") subscription = event.data.subscription;
    if (event.name !== "message") continue;
    let word = "handled";
    try {
      await answer(daemon, event.data);
    } catch (error) {
      // The sender is no contact, for example. The message comes again later, and holds up no other.
      console.error(error.message);
      word = "failed";
    }
    await call(daemon, "POST", `/v1/received/${subscription}/${event.data.number}/${word}`);
    if (word === "handled") console.log(`answered message ${event.data.number}`);
  }
}

const [directory] = process.argv.slice(2);
if (directory === undefined) {
  console.error("usage: node fingerprint.mjs DIR");
  process.exit(2);
}
for (;;) {
  try {
    await follow(await findDaemon(directory));
    console.error("the stream ended; trying again");
  } catch (error) {
    console.error(`${error.message}; trying again`);
  }
  await new Promise((resolve) => setTimeout(resolve, 1000));
}
