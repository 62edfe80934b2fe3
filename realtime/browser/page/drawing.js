"use strict";

// The picture, and the keypoints over it: two canvases, so that lines are as sharp as the screen
// whatever the size of the picture. Positions are pixel indices: (0, 0) is the middle of the
// top-left pixel.

const BLACK = "rgb(16 16 16)";
const SUBJECTS = ["#4dabf7", "#ffd43b", "#69db7c", "#ff8787", "#da77f2", "#ffa94d", "#3bc9db", "#f783ac"];
const DENSE = 30; // skeletons with more keypoints get smaller joints
const TRAIL_MS = 700;
const BEHIND_MS = 1000; // from which on keypoints no longer wait for their picture
const ARM = 0.76; // where the strokes at the square's corners end
const STATE_COLORS = { track: "#5adc78", coast: "#ffbe3c", search: "#5aaaff" };

const by = (id) => document.getElementById(id);
const stage = by("stage");
const picture = by("picture");
const overlay = by("overlay");
const pen = overlay.getContext("2d");
const trails = new Map(); // subject: [{time, points}]
let drawn = null; // what `draw` has drawn last, for those who ask
let due = false;

function redraw() {
  if (due) return;
  due = true;
  requestAnimationFrame(() => { due = false; draw(); });
}

function style() { // as `realtime.style` writes it
  const words = (live.status?.controls.style ?? "skeleton").split(",");
  const value = (name) => words.find((own) => own.startsWith(`${name}=`))?.slice(name.length + 1);
  const has = (word) => words.includes(word);
  return {
    limbs: !has("points") && !has("nothing"), joints: !has("lines") && !has("nothing"),
    trails: has("trails"), black: has("black"), names: has("names"), subjects: has("subjects"),
    square: !has("nosquare"), hud: !has("nohud"), limb: Number(value("limb") ?? 2), joint: Number(value("joint") ?? 0), color: value("color"),
  };
}

function onPose(pose) {
  remember(pose);
  const picturePose = live.shown?.pose;
  const behind = !live.shown?.bitmap || !picturePose || pose.time - picturePose.time > BEHIND_MS;
  if (style().black || behind) {
    live.shown = { bitmap: style().black ? null : live.shown?.bitmap ?? null, pose: picturePose, ahead: pose };
    arrived();
    redraw();
  }
  onNumbers(pose);
}

function onPicture(bitmap, pose) {
  live.shown?.bitmap?.close();
  live.shown = { bitmap, pose, ahead: null, fresh: true };
  arrived();
  redraw();
}

function remember(pose) {
  for (const [id, past] of trails) {
    while (past.length && pose.time - past[0].time > TRAIL_MS) past.shift();
    if (!past.length || past[0].time > pose.time) trails.delete(id);
  }
  for (const own of pose.subjects) {
    if (!trails.has(own.id)) trails.set(own.id, []);
    trails.get(own.id).push({ time: pose.time, own });
  }
}

function fit() { // the stage, as large as the room has it, in the shape of the picture
  const size = live.shown?.pose ?? live.shown?.ahead;
  const [width, height] = size ? [size.width, size.height] : live.scene?.size ?? [4, 3];
  const room = by("room");
  const most = [room.clientWidth, Math.max(room.clientHeight, 120)];
  const scale = Math.min(most[0] / width, most[1] / height);
  const [w, h] = [Math.floor(width * scale), Math.floor(height * scale)];
  stage.style.width = `${w}px`;
  stage.style.height = `${h}px`;
  const ratio = devicePixelRatio || 1;
  const [dw, dh] = [Math.round(w * ratio), Math.round(h * ratio)];
  if (overlay.width !== dw || overlay.height !== dh) { overlay.width = dw; overlay.height = dh; }
  return [width, height];
}

function draw() {
  const [width, height] = fit();
  const look = style();
  const mirrored = live.status?.controls.mirrored ?? false;
  const shown = live.shown;
  if (shown?.bitmap && shown.fresh) {
    shown.fresh = false;
    if (picture.width !== shown.bitmap.width || picture.height !== shown.bitmap.height) {
      picture.width = shown.bitmap.width;
      picture.height = shown.bitmap.height;
    }
    picture.getContext("2d").drawImage(shown.bitmap, 0, 0);
  }
  picture.classList.toggle("away", look.black || !shown?.bitmap);
  picture.classList.toggle("mirrored", mirrored);
  picture.classList.toggle("old", Boolean(shown?.ahead) && !look.black);
  pen.clearRect(0, 0, overlay.width, overlay.height);
  const pose = shown?.ahead ?? shown?.pose;
  if (!pose) return;
  const scale = overlay.width / width;
  const at = (x, y) => [(mirrored ? width - 0.5 - x : x + 0.5) * scale, (y + 0.5) * overlay.height / height];
  const unit = scale * Math.min(Math.max(Math.sqrt(width * height / (640 * 480)), 0.5), 4);
  const raw = live.status?.controls.raw ?? false;
  drawn = { frame: pose.frame, sequence: pose.sequence, mirrored, places: [] };
  if (look.trails) for (const [id, past] of trails) drawTrail(id, past, pose.time, at, unit, look);
  for (const own of pose.subjects) {
    const points = raw ? own.raw : own.smooth;
    const places = Array.from(own.confidence, (_, k) => at(points[2 * k], points[2 * k + 1]));
    drawn.places.push(places);
    if (look.square && own.roi) drawSquare(own.roi, at, unit, STATE_COLORS[pose.state]);
    drawSubject(own, places, unit, look);
    if (pose.subjects.length > 1) label(String(own.id), places[0], unit, SUBJECTS[Math.abs(own.id) % SUBJECTS.length]);
    if (look.names) places.forEach((place, k) => label(live.scene?.skeleton.keypoints[k] ?? "", place, unit * 0.8, "#fff"));
  }
}

const strength = (confidence) => (confidence >= 0.5 ? 1 : confidence >= 0.25 ? 0.5 : 0.25);

function drawSubject(own, places, unit, look) {
  const limb = Math.max(look.limb * unit, 1);
  const rim = Math.max(unit, 1);
  const joint = Math.max((look.joint || look.limb + (places.length > DENSE ? 1 : 5)) * unit, 1);
  const there = (k) => Number.isFinite(places[k]?.[0]);
  pen.lineCap = pen.lineJoin = "round";
  for (const alpha of [0.25, 0.5, 1]) {
    pen.globalAlpha = alpha;
    if (look.limbs) {
      for (const [width, plain] of [[limb + rim, BLACK], [limb, null]]) {
        for (const { color, edges } of live.scene?.skeleton.limbs ?? []) {
          pen.beginPath();
          for (const [a, b] of edges) {
            if (!there(a) || !there(b) || strength(Math.min(own.confidence[a], own.confidence[b])) !== alpha) continue;
            pen.moveTo(...places[a]);
            pen.lineTo(...places[b]);
          }
          pen.lineWidth = width;
          pen.strokeStyle = plain ?? look.color ?? (look.subjects ? SUBJECTS[Math.abs(own.id) % SUBJECTS.length] : color);
          pen.stroke();
        }
      }
    }
    if (!look.joints) continue;
    for (const [width, color] of [[joint + rim, BLACK], [joint, "#fff"]]) {
      pen.beginPath();
      places.forEach((place, k) => {
        if (!there(k) || strength(own.confidence[k]) !== alpha) return;
        pen.moveTo(place[0] + width / 2, place[1]);
        pen.arc(...place, width / 2, 0, 2 * Math.PI);
      });
      pen.fillStyle = color;
      pen.fill();
    }
  }
  pen.globalAlpha = 1;
}

function drawTrail(id, past, now, at, unit, look) {
  const raw = live.status?.controls.raw ?? false;
  pen.lineCap = "round";
  pen.strokeStyle = look.color ?? SUBJECTS[Math.abs(id) % SUBJECTS.length];
  for (let n = 1; n < past.length; n += 1) {
    if (past[n].time > now) break;
    const [before, after] = [past[n - 1].own, past[n].own].map((own) => (raw ? own.raw : own.smooth));
    pen.globalAlpha = 0.8 * Math.max(1 - (now - past[n].time) / TRAIL_MS, 0) ** 1.5;
    pen.lineWidth = Math.max(1.5 * unit * pen.globalAlpha, 0.75);
    pen.beginPath();
    for (let k = 0; k < after.length; k += 2) {
      if (Number.isNaN(before[k]) || Number.isNaN(after[k])) continue;
      pen.moveTo(...at(before[k], before[k + 1]));
      pen.lineTo(...at(after[k], after[k + 1]));
    }
    pen.stroke();
  }
  pen.globalAlpha = 1;
}

function drawSquare(roi, at, unit, color) {
  const half = roi.size / 2;
  const [c, s] = [Math.cos(roi.angle) * half, Math.sin(roi.angle) * half];
  const corner = (u, v) => at(roi.x + u * c - v * s, roi.y + u * s + v * c);
  for (const [width, stroke] of [[2.5 * unit, BLACK], [1.5 * unit, color]]) {
    pen.beginPath();
    for (const [u, v] of [[-1, -1], [-1, 1], [1, -1], [1, 1]]) {
      pen.moveTo(...corner(u, v * ARM));
      pen.lineTo(...corner(u, v));
      pen.lineTo(...corner(u * ARM, v));
    }
    pen.lineWidth = Math.max(width, 1);
    pen.lineJoin = "round";
    pen.strokeStyle = stroke;
    pen.stroke();
  }
}

function label(text, place, unit, color) {
  if (!text || !Number.isFinite(place?.[0])) return;
  pen.font = `600 ${Math.max(11 * unit, 9 * devicePixelRatio)}px system-ui, sans-serif`;
  pen.lineWidth = Math.max(3 * unit, 2);
  pen.lineJoin = "round";
  pen.strokeStyle = BLACK;
  pen.fillStyle = color;
  pen.strokeText(text, place[0] + 5 * unit, place[1] - 4 * unit);
  pen.fillText(text, place[0] + 5 * unit, place[1] - 4 * unit);
}

new ResizeObserver(() => { tellView(); redraw(); }).observe(by("room"));

function tellView() { // how large pictures should be, and whether anybody sees them
  const width = Math.min(Math.round(overlay.clientWidth * (devicePixelRatio || 1)), 8192);
  const longest = Math.max(width, Math.min(Math.round(overlay.clientHeight * (devicePixelRatio || 1)), 8192));
  send({ view: { width: longest, pictures: document.visibilityState === "visible" } });
}

document.addEventListener("visibilitychange", tellView);
