// Brings files from the browser to the app in blocks. What is there already, by its SHA-256, is not sent again.
"use strict";
const form = document.getElementById("upload");
const LARGEST = 1e9; // a browser has to hold a file to hash it
const LANES = 4;

if (form) {
  const { upload, token, end, endToken, block } = form.dataset;
  const say = (text) => { document.getElementById("upload-state").textContent = text; };
  const bar = document.getElementById("upload-bar");
  const hex = async (octets) => [...new Uint8Array(await crypto.subtle.digest("SHA-256", octets))].map((b) => b.toString(16).padStart(2, "0")).join("");
  const send = async (address, options) => {
    const answer = await fetch(address, options);
    if (answer.ok) return answer;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    throw new Error(page.querySelector("#refusal strong")?.textContent || `The app answered ${answer.status}.`);
  };

  const bring = async (file, path, there, advance) => {
    if (file.size > LARGEST) throw new Error("A file is over 1 GB: bring it from a terminal.");
    const octets = await file.arrayBuffer();
    const sha256 = await hex(octets);
    if (there[path] === sha256) { advance(file.size); return false; }
    const id = await hex(new TextEncoder().encode(path));
    const blocks = Math.ceil(file.size / Number(block));
    for (let number = 0; number < blocks; number += 1) {
      const body = octets.slice(number * block, (number + 1) * block);
      await send(`${upload}?file=${id}&block=${number}`, { method: "PUT", body, headers: { "x-carryover-token": token } });
      advance(body.byteLength);
    }
    const body = JSON.stringify({ path, blocks, size: file.size, sha256 });
    await send(end, { method: "POST", body, headers: { "x-carryover-token": endToken, "content-type": "application/json" } });
    return true;
  };

  const start = async (picked) => {
    const wanted = picked.filter(({ path }) => !path.split("/").some((part) => part.startsWith(".")));
    if (!wanted.length) return;
    const total = wanted.reduce((sum, { file }) => sum + file.size, 0) || 1;
    let done = 0;
    let sent = 0;
    bar.hidden = false;
    const advance = (more) => { done += more; bar.value = done / total; };
    try {
      say(`Bringing ${wanted.length} files…`);
      const there = await (await send(upload, {})).json();
      const waiting = [...wanted];
      const lane = async () => {
        for (let one = waiting.shift(); one; one = waiting.shift()) if (await bring(one.file, one.path, there, advance)) sent += 1;
      };
      await Promise.all(Array.from({ length: LANES }, lane));
      say(`${sent} files brought, ${wanted.length - sent} there already.`);
      location.reload();
    } catch (error) {
      say(`Stopped: ${error.message} Choose the same files again to go on; what has arrived is not sent again.`);
    }
  };

  const folder = (file) => file.webkitRelativePath.split("/").slice(1).join("/") || file.name;
  document.getElementById("folder").addEventListener("change", (event) => start([...event.target.files].map((file) => ({ file, path: folder(file) }))));
  document.getElementById("files").addEventListener("change", (event) => start([...event.target.files].map((file) => ({ file, path: file.name }))));

  const walk = async (entry, path) => {
    if (entry.isFile) return [{ file: await new Promise((ok, no) => entry.file(ok, no)), path }];
    const reader = entry.createReader();
    const found = [];
    for (;;) {
      const some = await new Promise((ok, no) => reader.readEntries(ok, no));
      if (!some.length) return found;
      for (const one of some) found.push(...await walk(one, path ? `${path}/${one.name}` : one.name));
    }
  };
  form.addEventListener("dragover", (event) => { event.preventDefault(); form.classList.add("over"); });
  form.addEventListener("dragleave", () => form.classList.remove("over"));
  form.addEventListener("drop", async (event) => {
    event.preventDefault();
    form.classList.remove("over");
    const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry()).filter(Boolean);
    const alone = entries.length === 1 && entries[0].isDirectory;
    start((await Promise.all(entries.map((entry) => walk(entry, alone ? "" : entry.name)))).flat());
  });
  form.addEventListener("submit", (event) => event.preventDefault());
}
