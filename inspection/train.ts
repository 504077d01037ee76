// `npm run train -- NAME`: trains one of the models that inspection ships. Reads data sets that are not part of the
// repository; writes only the model's own file.
const names: Readonly<Record<string, () => Promise<(args: readonly string[], say: (text: string) => void) => number>>> =
  {
    phishing: async () => (await import('./phishing/train.ts')).trainPhishing,
  }

const say = (text: string) => void process.stderr.write(`${text}\n`)
const [name = '', ...args] = process.argv.slice(2)
if (!Object.hasOwn(names, name)) {
  say(`usage: npm run train -- ${Object.keys(names).join(' | ')} [--data FOLDER] [--quick]`)
  process.exitCode = 2
} else {
  const train = await names[name]?.()
  process.exitCode = train?.(args, say) ?? 2
}
