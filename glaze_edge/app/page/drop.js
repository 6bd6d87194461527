// Adding pictures: dropped files and folders, or chosen ones.

import { post, upload } from "./api.js";
import { byId, put } from "./dom.js";
import { problemWords } from "./messages.js";
import { notice, send } from "./notice.js";
import { bytes, count, t } from "./text.js";

const PICTURES = /\.(png|jpe?g|jfif|webp|tiff?|avif|gif|bmp|heic|heif|psd)$/i;

let now = () => null;
let going = false;
const waiting = [];

/** Sends files one after the other, so that the queue has their order. */
function add(files) {
  const limits = now()?.limits;
  for (const file of files) {
    if (limits && file.size > limits.picture_bytes) notice(t("add.large", { name: file.name, limit: bytes(limits.picture_bytes) }));
    else waiting.push(file);
  }
  if (!going) drain();
}

async function drain() {
  going = true;
  while (waiting.length) {
    put(byId("adding"), count("add.going", waiting.length));
    const file = waiting.shift();
    try {
      await upload("pictures", file);
    } catch (error) {
      notice(t("add.failed", { name: file.name, text: problemWords(error) }));
      if (error.kind === "unreachable") waiting.length = 0;
    }
  }
  going = false;
  put(byId("adding"), "");
}

/** The files of what was dropped, those of folders with the folders in them; from folders only pictures. */
async function dropped(items) {
  const entries = [...items].filter((item) => item.kind === "file").map((item) => [item.webkitGetAsEntry?.(), item.getAsFile()]);
  const found = [];
  for (const [entry, file] of entries) {
    if (entry?.isDirectory) found.push(...pictures(await inFolder(entry)));
    else if (file) found.push(file);
  }
  return found;
}

async function inFolder(folder) {
  const reader = folder.createReader();
  const files = [];
  for (;;) {
    const entries = await new Promise((done, failed) => reader.readEntries(done, failed));
    if (!entries.length) return files;
    for (const entry of entries) {
      if (entry.isDirectory) files.push(...(await inFolder(entry)));
      else files.push(await new Promise((done, failed) => entry.file(done, failed)));
    }
  }
}

function pictures(files) {
  const found = files.filter((file) => PICTURES.test(file.name) && !file.name.startsWith("."));
  if (!found.length) notice(t("add.none"));
  return found;
}

function choose(what, input) {
  if (now()?.window) send(post("choose", { what }));
  else input.click();
}

export function prepareDrop(state) {
  now = state;
  const [files, folder] = [byId("files"), byId("folder")];
  byId("choose").addEventListener("click", () => choose("pictures", files));
  byId("choose-folder").addEventListener("click", () => choose("folder", folder));
  files.addEventListener("change", () => {
    add([...files.files]);
    files.value = "";
  });
  folder.addEventListener("change", () => {
    add(pictures([...folder.files]));
    folder.value = "";
  });

  const brings = (event) => event.dataTransfer?.types.includes("Files");
  const mark = (on) => (document.body.dataset.dropping = String(on));
  addEventListener("dragover", (event) => {
    if (!brings(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
    mark(true);
  });
  addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) mark(false);
  });
  addEventListener("drop", async (event) => {
    if (!brings(event)) return;
    event.preventDefault();
    mark(false);
    try {
      add(await dropped(event.dataTransfer.items));
    } catch (error) {
      notice(t("add.unread", { text: error.message }));
    }
  });
  addEventListener("beforeunload", (event) => {
    if (going) event.preventDefault();
  });
}
