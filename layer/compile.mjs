// Compiles a layer's bytecode with the CPython that the `pyodide` package brings (WebAssembly): the same interpreter on
// every machine, so the same bytes. Usage: node compile.mjs LAYER_ROOT MINOR_VERSION (such as 3.13).
import { readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { loadPyodide } from "pyodide";

const [root, wanted] = process.argv.slice(2);
const script = join(dirname(fileURLToPath(import.meta.url)), "compile_tree.py");
// A fixed hash seed: nothing in the bytecode may depend on the order of a set.
const python = await loadPyodide({ env: { HOME: "/tmp", PYTHONHASHSEED: "0", PYTHONDONTWRITEBYTECODE: "1" } });
const version = python.runPython("import sys; '%d.%d' % sys.version_info[:2]");
if (version !== wanted) {
  console.error(`pyodide brings Python ${version}, not ${wanted}`);
  process.exit(1);
}
python.FS.mkdirTree("/opt");
python.FS.mount(python.FS.filesystems.NODEFS, { root: resolve(root) }, "/opt");
python.globals.set("__name__", "compile_tree");
python.runPython(readFileSync(script, "utf8"));
python.runPython("compile_tree('/opt')");
