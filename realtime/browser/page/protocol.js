"use strict";

// The connection: what comes, what is asked, and that it is taken up again by itself.
// realtime/browser/message.py, scene.py and request.py have the formats.

const STATES = ["search", "track", "coast"];
const KEEP = 128; // poses remembered for pictures that are still on their way

const live = {
  scene: null, status: null, connected: false, opening: false,
  pose: null, // the newest
  shown: null, // {bitmap or null, pose or null}: what is on the screen
  clock: null, // milliseconds to add to performance.now() for the server's clock
};

const link = { socket: null, poses: new Map(), wait: 400, ended: false, seen: [0, 0], told: 0, timer: 0, way: Infinity };

function readPose(buffer) {
  const view = new DataView(buffer);
  const count = view.getUint8(2);
  const points = view.getUint16(12, true);
  if (buffer.byteLength !== 40 + count * (20 + 20 * points)) throw new Error("a pose message of a wrong length");
  const subjects = [];
  for (let s = 0, at = 40; s < count; s += 1) {
    const roi = new Float32Array(buffer, at + 4, 4);
    subjects.push({
      id: view.getInt32(at, true),
      roi: Number.isNaN(roi[2]) ? null : { x: roi[0], y: roi[1], size: roi[2], angle: roi[3] },
      raw: new Float32Array(buffer, at + 20, 2 * points),
      smooth: new Float32Array(buffer, at + 20 + 8 * points, 2 * points),
      confidence: new Float32Array(buffer, at + 20 + 16 * points, points),
    });
    at += 20 + 20 * points;
  }
  return {
    state: STATES[view.getUint8(1)], sequence: view.getUint32(4, true),
    width: view.getUint16(8, true), height: view.getUint16(10, true),
    frame: view.getFloat64(16, true), time: view.getFloat64(24, true),
    age: view.getFloat32(32, true), dropped: view.getUint32(36, true), subjects,
  };
}

function send(table) { // whether it could be
  if (link.socket?.readyState !== WebSocket.OPEN) return false;
  link.socket.send(JSON.stringify(table));
  return true;
}

function tellSeen() { // that it has come, so that the next may be sent; not for each by itself
  clearTimeout(link.timer);
  const rest = link.told + 12 - performance.now();
  if (rest > 0) { link.timer = setTimeout(tellSeen, rest); return; }
  link.told = performance.now();
  send({ seen: link.seen });
}

function takePose(buffer) {
  const pose = readPose(buffer);
  live.pose = pose;
  link.poses.set(pose.sequence, pose);
  if (link.poses.size > KEEP) link.poses.delete(link.poses.keys().next().value);
  link.seen[0] = pose.sequence;
  tellSeen();
  onPose(pose);
}

async function takePicture(buffer) {
  const socket = link.socket;
  const sequence = new DataView(buffer).getUint32(4, true);
  let bitmap = null;
  try { bitmap = await createImageBitmap(new Blob([new Uint8Array(buffer, 8)], { type: "image/jpeg" })); } catch { /* the next one will do */ }
  if (socket !== link.socket) { bitmap?.close(); return; }
  if (bitmap && sequence > link.seen[1]) onPicture(bitmap, link.poses.get(sequence) ?? null);
  else bitmap?.close();
  link.seen[1] = Math.max(link.seen[1], sequence);
  tellSeen();
}

function takeText(table) {
  if (table.kind === "pong") {
    const now = performance.now();
    const way = now - table.sent;
    if (way <= link.way) { // the quickest answer tells the clocks apart best
      link.way = way;
      live.clock = table.now + way / 2 - now;
    }
    link.way += 0.2; // clocks drift, so that an old answer is given up in time
  } else if (table.kind === "scene") {
    live.scene = table;
    live.pose = null;
    onScene(table);
  } else if (table.kind === "status") {
    live.status = table;
    onStatus(table);
  } else if (table.kind === "end") {
    link.ended = true;
  } else {
    onWord(table);
  }
}

function connect() {
  const socket = new WebSocket(`ws://${location.host}/live`);
  socket.binaryType = "arraybuffer";
  link.socket = socket;
  link.poses.clear();
  link.seen = [0, 0];
  socket.onopen = () => {
    Object.assign(link, { wait: 400, ended: false, way: Infinity });
    live.connected = true;
    tellView();
    send({ ping: performance.now() });
    onConnection("");
  };
  socket.onmessage = (event) => {
    if (typeof event.data === "string") takeText(JSON.parse(event.data));
    else if (new Uint8Array(event.data, 0, 1)[0] === 1) takePose(event.data);
    else takePicture(event.data);
  };
  socket.onclose = (event) => lost(event);
}

async function lost(event) {
  live.connected = false;
  let why = link.ended ? "keycam has ended" : "keycam does not answer; trying again …";
  if (event.code === 1013) why = event.reason;
  onConnection(why);
  try { // whether this browser is still known, which a WebSocket does not tell
    const answer = await fetch("page.css", { cache: "no-store" });
    if (answer.status === 403) { onConnection("keycam was started anew: open the address it has printed"); return; }
  } catch { /* nobody is there */ }
  setTimeout(connect, link.wait);
  link.wait = Math.min(link.wait * 1.6, 4000);
}

setInterval(() => send({ ping: performance.now() }), 2000);
